"""Grafana's HTTP API: JSON in and out, patient where the server asks for patience, plain where it says no."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import urlencode

from tapewatch.uploading.access import Access
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["Api", "ApiError", "pause"]

TIMEOUT = 30.0
"""Seconds that an answer may take: a Grafana that is far away, or whose database is busy."""

TRIES = 5
"""How often a request is made while the server says that it is busy."""

FIRST_WAIT = 0.5
"""Seconds before the second try; each further wait is twice as long."""

LONGEST_WAIT = 30.0
"""Seconds that we wait at most, whatever the server asks for."""

_TOO_MANY = 429
_BUSY = frozenset({_TOO_MANY, 500, 502, 503, 504})
"""Statuses after which the same request may succeed; 500 is a database of Grafana's that is locked."""

_NOT_SIGNED_IN, _NOT_ALLOWED, _NOT_FOUND = 401, 403, 404


class ApiError(ToolError):
    """Grafana said no.

    Parameters:
        status: the HTTP status.
        reason: what it said.
        state: the word that tells several reasons of one status apart, such as `version-mismatch`.
    """

    def __init__(self, url: str, status: int, reason: str, state: str = "") -> None:
        self.status = status
        self.reason = reason
        self.state = state
        super().__init__([_refused(url, status, reason)])


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would turn a POST into a GET, and take the token along to wherever it leads."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        raise ToolError([_redirected(req.full_url, newurl)])


def pause(seconds: float) -> None:
    """Waits; tests put something quicker in its place."""
    time.sleep(seconds)


class Api:
    """A Grafana.

    Parameters:
        access: the way in.
        wait: waits for some seconds before a further try.
    """

    def __init__(self, access: Access, wait: Callable[[float], None] = pause) -> None:
        self.url = access.url
        self._authorization = access.authorization
        self._wait = wait
        self._opener = urllib.request.build_opener(_NoRedirects)

    def get(self, path: str, **parameters: str | int) -> Any:
        """The answer to a GET request.

        Raises:
            ApiError: the server said no.
            ToolError: it does not answer, or not as Grafana does.
        """
        return self._ask("GET", f"{path}?{urlencode(parameters)}" if parameters else path)

    def find(self, path: str, **parameters: str | int) -> Any | None:
        """The same, and None for what is not there."""
        try:
            return self.get(path, **parameters)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def look(self, path: str) -> Any | None:
        """The same, and None also for what we may not see.

        To a user who may not see everything, Grafana says of what is not there that it is not allowed. What is there
        and hidden from us it protects itself: it refuses to write over it.
        """
        try:
            return self.find(path)
        except ApiError as error:
            if error.status == _NOT_ALLOWED:
                return None
            raise

    def post(self, path: str, body: object) -> Any:
        """The answer to a POST request; raises like `get`."""
        return self._ask("POST", path, body)

    def put(self, path: str, body: object) -> Any:
        """The answer to a PUT request; raises like `get`."""
        return self._ask("PUT", path, body)

    def delete(self, path: str) -> Any:
        """The answer to a DELETE request; raises like `get`."""
        return self._ask("DELETE", path)

    def version(self) -> str:
        """The version that it runs, such as `13.2.3`; a server that says none is no Grafana.

        Raises:
            ToolError: it does not answer, or not as Grafana does.
        """
        found = self.find("/api/health")
        if not isinstance(found, dict) or "database" not in found:
            raise ToolError([_no_grafana(self.url)])
        return str(found.get("version") or "of a version that it keeps to itself")

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": self._authorization, "Accept": "application/json"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)  # noqa: S310 -- of `access`
        for number in range(1, TRIES + 1):
            try:
                with self._opener.open(request, timeout=TIMEOUT) as answer:
                    return _read(self.url, answer.read())
            except urllib.error.HTTPError as error:
                if error.code not in _BUSY or number == TRIES:
                    raise _said(request.full_url, error) from error
                self._wait(_seconds(error, number))
            except (OSError, HTTPException) as error:
                raise ToolError([_silent(self.url, getattr(error, "reason", None) or error)]) from error
        raise AssertionError("the last try returns or raises")


def _read(url: str, body: bytes) -> Any:
    try:
        return json.loads(body) if body.strip() else None
    except ValueError as error:
        raise ToolError([_no_grafana(url)]) from error


def _said(url: str, error: urllib.error.HTTPError) -> ApiError:
    text = error.read().decode("utf-8", "replace").strip()
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        told = {"message": "" if text.startswith("<") else text}
    state = str(told.get("status", ""))
    return ApiError(url, error.code, str(told.get("message") or error.reason), state)


def _seconds(error: urllib.error.HTTPError, number: int) -> float:
    """How long to wait before the next try: what the server asks for, else longer each time."""
    asked = error.headers.get("Retry-After", "")
    wait = float(asked) if asked.isdigit() else FIRST_WAIT * 2 ** (number - 1)
    return min(wait, LONGEST_WAIT)


def _refused(url: str, status: int, reason: str) -> Problem:
    said = " ".join(reason.split())[:500]
    if status == _NOT_SIGNED_IN:
        return Problem(
            code="upload/not-signed-in",
            summary=f"Grafana does not know this token or password: {said}",
            must="a token of a service account of this Grafana, or a user's password",
            fix="make one under Administration, Service accounts; a token may have run out",
            where=Place(path=url),
        )
    if status == _NOT_ALLOWED:
        return Problem(
            code="upload/not-allowed",
            summary=f"Grafana does not allow this to the token or user: {said}",
            must="it may write dashboards and folders (role Editor), and share publicly (role Admin)",
            fix="give the service account that role",
            where=Place(path=url),
        )
    return Problem(
        code="upload/refused",
        summary=f"Grafana refused with status {status}: {said}",
        must=f"Grafana accepts what it is asked for at {url}",
        fix="mend what it names",
        where=Place(path=url),
    )


def _silent(url: str, reason: object) -> Problem:
    if isinstance(reason, ssl.SSLError):
        return Problem(
            code="upload/bad-tls",
            summary=f"there is no trusted TLS connection to {url}: {reason}",
            must="the server speaks TLS, and its certificate is signed by somebody whom this machine trusts",
            fix="name your own authority's certificates in SSL_CERT_FILE; for a server without TLS write http://",
            where=Place(path=url),
        )
    return Problem(
        code="upload/silent",
        summary=f"Grafana does not answer at {url}: {reason}",
        must="a Grafana runs there and can be reached from here",
        fix="check the address and the way to it",
        where=Place(path=url),
    )


def _redirected(url: str, target: str) -> Problem:
    return Problem(
        code="upload/redirected",
        summary=f"{url} sends us on to {target}",
        must="`--url` is where Grafana itself answers: a secret is not taken along to another address",
        fix="write the address that it leads to, with https:// and with the path below which Grafana is",
        where=Place(path=url),
    )


def _no_grafana(url: str) -> Problem:
    return Problem(
        code="upload/no-grafana",
        summary=f"what answers at {url} is no Grafana",
        must="`--url` is where Grafana's pages begin, with the path below which it is",
        fix="open the address in a browser, and leave out what follows Grafana's own",
        where=Place(path=url),
    )
