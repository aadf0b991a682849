"""One scrape: what Prometheus would ask, within the limits that it would set."""

from __future__ import annotations

import socket
import ssl
import time
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from pathlib import Path
from threading import Event, Timer
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from tapewatch.catalogue import seconds
from tapewatch.catalogue.model import Scrape

__all__ = ["ACCEPT", "LARGEST", "Answer", "Scraper", "SecretError", "UnansweredError"]

LARGEST = 16 * 1024 * 1024
"""Bytes of an answer, unpacked, above which the generated Prometheus lets a scrape fail."""

ACCEPT = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
"""What Prometheus 3 sends, which would rather have OpenMetrics."""

_ACCEPT_TEXT = "text/plain;version=0.0.4,*/*;q=0.1"

_MOVED = (301, 302, 303, 307, 308)

_REDIRECTS = 10
"""As many as Prometheus follows."""

_CHUNK = 65536

_SHOWN = 100
"""Characters of an odd URL that are shown."""

_IN_PATHS = "/?%:@!$&'()*+,;=~-._"
"""What a path may hold as it is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with status 200.

    Parameters:
        content_type: as it was sent; empty without one.
        body: unpacked.
    """

    content_type: str
    body: bytes


class UnansweredError(Exception):
    """A service did not answer as a scrape needs it.

    Parameters:
        kind: `no-answer`, `status`, `too-slow` or `too-large`.
        reason: what happened, to follow the service's name.
    """

    def __init__(self, kind: str, reason: str) -> None:
        self.kind = kind
        self.reason = reason
        super().__init__(reason)


class SecretError(Exception):
    """A file that TLS or credentials need cannot be used.

    Parameters:
        setting: its key in the catalogue, such as `ca_file`.
        file: where it was looked for.
        reason: why not.
    """

    def __init__(self, setting: str, file: Path, reason: str) -> None:
        self.setting = setting
        self.file = file
        self.reason = reason
        super().__init__(f"{file}: {reason}")


class Scraper:
    """Scrapes one URL the way that the catalogue says.

    Parameters:
        url: where.
        scrape: timeout, TLS and credentials.
        secrets: the folder that holds the files which the catalogue names for TLS and credentials; none: where it says.

    Attributes:
        signed: the headers that sign in.

    Raises:
        SecretError: such a file cannot be used.
    """

    def __init__(self, url: str, scrape: Scrape, secrets: Path | None = None) -> None:
        self.url = url
        self.timeout = scrape.timeout
        self._scrape = scrape
        self._secrets = secrets
        self.signed: Mapping[str, str] = self._authorization()
        if url.startswith("https:"):
            _ = self.context  # so that its files are missed before anything is asked

    def get(self, text_only: bool = False) -> Answer:
        """One answer.

        Parameters:
            text_only: ask for Prometheus's text format, not for OpenMetrics first.

        Raises:
            UnansweredError: there is none, or it is not what it should be.
        """
        end = time.monotonic() + seconds(self.timeout)
        headers = {
            "Accept": _ACCEPT_TEXT if text_only else ACCEPT,
            "Accept-Encoding": "gzip",
            "Connection": "close",
            "User-Agent": "tapewatch",
            "X-Prometheus-Scrape-Timeout-Seconds": f"{seconds(self.timeout):g}",
        }
        here = self.url
        for _ in range(_REDIRECTS):
            same = urlsplit(here)[:2] == urlsplit(self.url)[:2]
            answer = self._ask(urlsplit(here), {**headers, **(self.signed if same else {})}, end)
            if isinstance(answer, Answer):
                return answer
            here = _moved_to(here, answer)
        raise UnansweredError("status", f"sends on from one URL to another, {_REDIRECTS} times")

    def _ask(self, parts: SplitResult, headers: Mapping[str, str], end: float) -> Answer | str:
        """The answer, or the URL that it sends on to."""
        try:
            connection = self._connection(parts, max(end - time.monotonic(), 0.001))
            connection.connect()
        except TimeoutError:
            raise UnansweredError("no-answer", f"does not answer within {self.timeout}") from None
        except (OSError, ValueError) as error:
            raise UnansweredError("no-answer", f"cannot be reached: {_reason(error)}") from None
        try:
            with _cut_after(connection.sock, end - time.monotonic()) as is_late:
                return self._exchange(connection, parts, headers, is_late)
        finally:
            connection.close()

    def _exchange(
        self, connection: HTTPConnection, parts: SplitResult, headers: Mapping[str, str], is_late: Callable[[], bool]
    ) -> Answer | str:
        slow = UnansweredError("too-slow", f"has not answered in full within {self.timeout}")
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", quote(path, safe=_IN_PATHS), headers=dict(headers))
            answer = _answer(connection.getresponse())
        except TimeoutError:
            raise slow from None
        except (OSError, HTTPException, ValueError, zlib.error) as error:
            if is_late():
                raise slow from None
            raise UnansweredError("no-answer", f"breaks off its answer: {_reason(error)}") from None
        if is_late():
            raise slow
        return answer

    def _connection(self, parts: SplitResult, timeout: float) -> HTTPConnection:
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https"):
            raise ValueError(f"{parts.geturl()} is no http:// or https:// URL")
        if parts.scheme != "https":
            return HTTPConnection(host, parts.port or 80, timeout=timeout)
        server_name = (self._scrape.tls and self._scrape.tls.server_name) or host
        return _TlsConnection(host, parts.port or 443, timeout, self.context, server_name)

    def _authorization(self) -> Mapping[str, str]:
        given = self._scrape.credentials
        if given is None:
            return {}
        if given.type == "bearer":
            return {"Authorization": f"Bearer {self._token('credentials_file', given.credentials_file)}"}
        signed = f"{given.username}:{self._secret('password_file', given.password_file)}"
        return {"Authorization": f"Basic {b64encode(signed.encode()).decode()}"}

    def _token(self, setting: str, file: str | None) -> str:
        """A secret that goes into a header as it is. A message about the header would show it."""
        token = self._secret(setting, file)
        if not (token.isascii() and token.isprintable()):
            raise SecretError(setting, self._path(file), "a token is one line of ASCII")
        return token

    def _secret(self, setting: str, file: str | None) -> str:
        path = self._path(file)
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretError(setting, path, _reason(error)) from None

    def _path(self, file: str | None) -> Path:
        path = Path(file or "")
        return self._secrets / path.name if self._secrets else path

    @cached_property
    def context(self) -> ssl.SSLContext:
        """TLS towards the service."""
        tls = self._scrape.tls
        context = ssl.create_default_context()
        if tls is None:
            return context
        setting = file = ""
        try:
            if tls.ca_file:
                setting, file = "ca_file", tls.ca_file
                context = ssl.create_default_context(cafile=self._path(file))
            if tls.cert_file:
                setting, file = "cert_file", tls.cert_file
                context.load_cert_chain(self._path(file), self._path(tls.key_file) if tls.key_file else None)
        except OSError as error:
            raise SecretError(setting, self._path(file), _reason(error)) from None
        if tls.insecure_skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class _TlsConnection(HTTPConnection):
    """A connection over TLS to a server that may have another name than its host."""

    def __init__(self, host: str, port: int, timeout: float, context: ssl.SSLContext, server_name: str) -> None:
        super().__init__(host, port, timeout=timeout)
        self._tls = context
        self._server_name = server_name

    def connect(self) -> None:
        """Connects, and agrees on keys."""
        super().connect()
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._server_name)


@contextmanager
def _cut_after(connected: socket.socket, left: float) -> Iterator[Callable[[], bool]]:
    """Cuts a connection in `left` seconds, whatever it is doing then; gives a function that says whether it was cut.

    A socket's own timeout begins anew with each byte.
    """
    late = Event()

    def cut() -> None:
        late.set()
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = Timer(max(left, 0.001), cut)
    timer.daemon = True
    timer.start()
    try:
        yield late.is_set
    finally:
        timer.cancel()


def _answer(response: HTTPResponse) -> Answer | str:
    moved = response.headers.get("Location")
    if response.status in _MOVED and moved:
        return moved
    if response.status != 200:
        said = " ".join(response.read(200).decode(errors="replace").split())
        raise UnansweredError("status", f"answers {response.status} {response.reason}" + (f": {said}" if said else ""))
    if response.length and response.length > LARGEST:
        raise _too_large()
    return Answer(response.headers.get("Content-Type", ""), _body(response))


def _moved_to(here: str, location: str) -> str:
    try:
        there = urljoin(here, location)
        urlsplit(there)
    except ValueError as error:
        raise UnansweredError("status", f"sends on to {location[:_SHOWN]!r}, which is no URL: {error}") from None
    return there


def _body(response: HTTPResponse) -> bytes:
    packed = response.headers.get("Content-Encoding", "").strip().lower() == "gzip"
    unpacker = zlib.decompressobj(wbits=31) if packed else None
    body, received = bytearray(), 0
    while chunk := response.read(_CHUNK):
        body += unpacker.decompress(chunk, LARGEST + 1 - len(body)) if unpacker else chunk
        received += len(chunk)
        # What is packed may go on for ever and hold nothing.
        if max(len(body), received) > LARGEST:
            raise _too_large()
        if unpacker and unpacker.unused_data:
            raise UnansweredError("no-answer", "sends more than one packed answer, or something behind it")
    if response.length or (unpacker and not unpacker.eof):
        raise IncompleteRead(bytes(body), response.length)
    return bytes(body)


def _too_large() -> UnansweredError:
    return UnansweredError("too-large", f"answers with more than {LARGEST // 1024 // 1024} MB")


def _reason(error: Exception) -> str:
    if isinstance(error, IncompleteRead):
        return f"it ends after {len(error.partial):,} bytes"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
