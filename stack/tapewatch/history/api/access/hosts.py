"""Which names this server answers to.

A page of somebody else's, opened in a browser on this machine, can make its own name point here (DNS rebinding), or ask
across origins. Both show: the one by its `Host`, the other by its `Origin`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

__all__ = ["Hosts", "is_loopback", "name_of"]


class Hosts:
    """The names that a request may be meant for.

    Parameters:
        loopback: whether only this machine can reach the server; then no address but a loopback one is its own.
        more: further names, without a port.
    """

    def __init__(self, loopback: bool, more: Iterable[str] = ()) -> None:
        self._loopback = loopback
        self._names = {"localhost", *(each.lower().rstrip(".") for each in more)}

    def knows(self, host: str) -> bool:
        """Whether a `Host` header is one of ours. An IP address cannot be rebound: it is no name."""
        name = name_of(host)
        if name in self._names:
            return True
        return is_loopback(name) if self._loopback else _is_address(name)

    def is_same(self, origin: str, host: str) -> bool:
        """Whether an `Origin` header is of a page of ours.

        Parameters:
            origin: such as `http://127.0.0.1:8000`; `null` is nobody's.
            host: the `Host` header of the same request.
        """
        scheme, separator, place = origin.partition("://")
        if not separator or scheme not in ("http", "https"):
            return False
        return place.lower() == host.lower() or name_of(place) in self._names - {"localhost"}


def name_of(host: str) -> str:
    """The name or address of a `Host` header, without its port."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0].rstrip(".") if host.count(":") == 1 else host.rstrip(".")


def is_loopback(name: str) -> bool:
    """Whether an address to listen on can be reached from this machine alone."""
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
