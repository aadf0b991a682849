"""HTTP/1.1 as far as a scraper, a probe and a browser speak it: requests without a body, and their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

__all__ = ["BadRequest", "Request", "Response", "parse"]


class BadRequest(Exception):  # noqa: N818 -- the name of the status
    """What came is no request that can be answered; the connection ends.

    Parameters:
        status: the status to answer with.
    """

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request.

    Parameters:
        method: such as `GET`.
        path: without the part behind `?`.
        headers: values by name in small letters.
        keep: whether the connection stays open for another.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    keep: bool


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.

    Parameters:
        status: its status.
        body: its body.
        kind: the `Content-Type`.
        headers: further headers.
    """

    status: HTTPStatus
    body: bytes
    kind: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self, keep: bool, with_body: bool = True) -> bytes:
        """The bytes of the answer.

        Parameters:
            keep: whether the connection stays open.
            with_body: False for the answer to `HEAD`.
        """
        lines = {
            "Content-Type": self.kind,
            "Content-Length": str(len(self.body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Connection": "keep-alive" if keep else "close",
            **self.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        start = f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n{head}\r\n".encode("latin-1")
        return start + self.body if with_body else start


def parse(head: bytes) -> Request:
    """A request from its head, the empty line left out.

    Raises:
        BadRequest: it is none, or one of another version of HTTP.
    """
    first, *rest = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[0].isalpha() or not words[1].startswith("/"):
        raise BadRequest(HTTPStatus.BAD_REQUEST)
    method, target, version = words
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    headers = _headers(rest)
    # A body is not read, so that nothing can follow it.
    body = headers.get("content-length", "0").strip() != "0" or "transfer-encoding" in headers
    wish = headers.get("connection", "").lower()
    keep = not body and "close" not in wish and (version == "HTTP/1.1" or "keep-alive" in wish)
    return Request(method, target.partition("?")[0], headers, keep)


def _headers(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(HTTPStatus.BAD_REQUEST)
        name = name.lower()
        found[name] = f"{found[name]}, {value.strip()}" if name in found else value.strip()
    return found
