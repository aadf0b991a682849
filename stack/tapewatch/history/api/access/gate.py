"""Whether a request is let in: the same for HTTP and for the WebSocket."""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tapewatch.history.api.access.hosts import Hosts, is_loopback
from tapewatch.history.api.access.keys import ApiKey
from tapewatch.history.api.access.rates import Rates

__all__ = ["COOKIE", "LOOPBACK_TIMES", "OPEN", "Caller", "Gate", "Refusal"]

COOKIE = "tapewatch_login"
"""Name of the cookie that holds a login."""

OPEN = frozenset({"/", "/health", "/health/live", "/health/ready", "/login", "/logout"})
OPEN_FOLDER = "/page/"
"""Paths that need no key: probes and load balancers have none, and the page, whose files tell nothing of anybody's
numbers, is where a person gives it."""

LOOPBACK_TIMES = 20
"""How many times as often a client on this machine may ask: services, Prometheus and the page share one address."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Parameters:
        address: the client's; empty for one that came through a Unix socket.
        headers: by name in small letters; of a name that came twice the first.
        hosts: how many `Host` headers there were.
    """

    address: str
    headers: Mapping[str, str]
    hosts: int = 1

    @classmethod
    def of(cls, address: str, headers: Iterable[tuple[str, str]]) -> Caller:
        """From headers as they came."""
        found: dict[str, str] = {}
        hosts = 0
        for name, value in headers:
            name = name.lower()
            hosts += name == "host"
            found.setdefault(name, value)
        return cls(address, found, hosts)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not let in.

    Parameters:
        status: of HTTP.
        code: for programs.
        message: for people.
        headers: of the answer.
    """

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Gate:
    """Lets requests in.

    Parameters:
        hosts: the names that we answer to; None for all, as on a Unix socket.
        key: what a caller has to show; None when nobody has to show anything.
        rate: requests a second of a client, twice as many at once; one on this machine may `LOOPBACK_TIMES` as many,
            and 0 is no limit.
    """

    def __init__(self, hosts: Hosts | None, key: ApiKey | None = None, rate: float = 0.0) -> None:
        self._hosts = hosts
        self.key = key
        self._rates = Rates(rate, 2 * rate)
        self._near = Rates(LOOPBACK_TIMES * rate, 2 * LOOPBACK_TIMES * rate)
        self._failures = Rates(*_FAILURES)

    def refusal(self, path: str, caller: Caller) -> Refusal | None:
        """Why a request is not let in; None when it is."""
        if self._hosts is None:
            return None
        return self._foreign(self._hosts, caller) or self._too_often(caller) or self._unknown(path, caller)

    def is_known(self, caller: Caller) -> bool:
        """Whether a caller has shown the key, or a login, or need not."""
        if self.key is None or self._hosts is None:
            return True
        token = _token(caller.headers.get("authorization", ""))
        if token and self.key.fits(token):
            return True
        given = caller.headers.get("x-api-key")
        if given is not None and self.key.fits(given):
            return True
        login = _cookie(caller.headers.get("cookie", ""))
        return bool(login) and self.key.is_session(login, time.time())

    def login_refusal(self, caller: Caller, given: str) -> Refusal | None:
        """Why a login is refused; None when the key is right."""
        if self.key is None or self.key.fits(given):
            return None
        return self._failed(caller) or Refusal(401, "unauthorized", "this is not the key")

    def _foreign(self, hosts: Hosts, caller: Caller) -> Refusal | None:
        host, origin = caller.headers.get("host", ""), caller.headers.get("origin")
        if caller.hosts != 1 or not hosts.knows(host):
            return Refusal(421, "foreign_host", "this server does not answer to that name; see --allow-host")
        if origin is not None and not hosts.is_same(origin, host):
            return Refusal(403, "foreign_origin", "a page of another origin may not ask here")
        return None

    def _too_often(self, caller: Caller) -> Refusal | None:
        rates = self._near if is_loopback(caller.address) else self._rates
        return _later(rates.take(caller.address), "rate_limited", "that was too often")

    def _unknown(self, path: str, caller: Caller) -> Refusal | None:
        if path in OPEN or path.startswith(OPEN_FOLDER) or self.is_known(caller):
            return None
        shown = any(name in caller.headers for name in ("authorization", "x-api-key"))
        return (self._failed(caller) if shown else None) or Refusal(
            401, "unauthorized", "an API key is needed", {"WWW-Authenticate": 'Bearer realm="tapewatch"'}
        )

    def _failed(self, caller: Caller) -> Refusal | None:
        return _later(self._failures.take(caller.address), "rate_limited", "too many wrong keys")


_FAILURES = (1.0, 30.0)
"""Wrong keys a second, and at once, that an address may try; programs whose key was changed try every few seconds."""


def _later(wait: float, code: str, message: str) -> Refusal | None:
    return Refusal(429, code, message, {"Retry-After": str(math.ceil(wait))}) if wait else None


def _token(header: str) -> str:
    """What an `Authorization` header shows; of user and password, as exporters of metrics send them, the password."""
    scheme, _, shown = header.partition(" ")
    if scheme.lower() == "bearer":
        return shown.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(shown.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _cookie(header: str) -> str:
    """The login among the cookies. Those of every other port of this host stand beside it, in whatever form."""
    pairs = (each.partition("=") for each in header.split(";"))
    return next((value.strip() for name, _, value in pairs if name.strip() == COOKIE), "")
