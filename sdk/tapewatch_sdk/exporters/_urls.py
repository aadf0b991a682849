"""Which exporter a URL is for, and what of it is the destination."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.exporters.contract import Destination
from tapewatch_sdk.problems import Place, Problem

__all__ = ["PUSH_URL", "Target", "bad_url", "is_loopback", "targets"]

PUSH_URL = "GRAFANA_PUSH_URL"
"""Environment variable with the URLs to push to, separated by commas or spaces."""

_PREFIXED = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)\+(.*)", re.DOTALL)
_METRICS = "/v1/metrics"
_SHAPE = (
    "an http or https URL that ends in /v1/metrics or /otlp (OTLP), or in /write or /push (remote write); or one with "
    "the exporter's name before it"
)


@dataclass(frozen=True, slots=True)
class Target:
    """One place to push to.

    Parameters:
        exporter: name of the exporter.
        destination: where it sends to.
    """

    exporter: str
    destination: Destination


def targets(urls: str | Sequence[str], key: str = "") -> list[Target]:
    """The places to push to, each once.

    Parameters:
        urls: URLs; a text may hold several, separated by commas or spaces.
        key: `instance:token` or a token, for those that carry no user or password of their own and are reached by
            https or on this machine.

    Raises:
        ProblemsError: with each URL that is none.
    """
    found: dict[tuple[str, str], Target] = {}
    problems: list[Problem] = []
    for url in [each for text in ([urls] if isinstance(urls, str) else urls) for each in re.split(r"[\s,]+", text)]:
        try:
            if url:
                target = _target(url, key)
                found.setdefault((target.exporter, target.destination.url), target)
        except ProblemsError as error:
            problems += error.problems
    if problems:
        raise ProblemsError(problems)
    return list(found.values())


def _target(url: str, key: str) -> Target:
    prefixed = _PREFIXED.fullmatch(url)
    name, inner = prefixed.groups() if prefixed else ("", url)
    try:
        parts = urlsplit(inner)
        whole = parts.port is None or parts.port > 0
    except ValueError:
        whole = False
    if not whole:
        raise bad_url(url, "is no URL")
    if not name:
        name = _by_path(parts)
    if not name:
        raise bad_url(url, "does not tell by itself what takes it")
    if name in ("otlp", "remote_write") and not (parts.scheme in ("http", "https") and parts.hostname):
        raise bad_url(url, "is no whole http or https URL")
    if name == "otlp" and parts.path.rstrip("/").endswith("/otlp"):
        parts = parts._replace(path=parts.path.rstrip("/") + _METRICS)
        inner = urlunsplit(parts)
    if "@" in parts.netloc:
        inner = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return Target(name, _destination(inner, parts, key))


def _by_path(parts: SplitResult) -> str:
    path = parts.path.rstrip("/")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    if path.endswith((_METRICS, "/otlp")):
        return "otlp"
    return "remote_write" if path.endswith(("/write", "/push")) else ""


def _destination(url: str, parts: SplitResult, key: str) -> Destination:
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if user or password:
        return Destination(url, user, password)
    if not key or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))):
        return Destination(url)
    instance, colon, token = key.partition(":")
    return Destination(url, instance, token) if colon else Destination(url, token=key)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, without asking anybody."""
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def bad_url(url: str, what: str, must: str = _SHAPE) -> ProblemsError:
    """The error about a URL, which is shown without what may be secret in it.

    Parameters:
        url: as it was given.
        what: what is wrong with it.
        must: what must hold.
    """
    return ProblemsError(
        [
            Problem(
                "push/bad-url",
                f"`{_shown(url)}` {what}",
                must=must,
                fix="write, say, http://prometheus:9090/api/v1/otlp, or remote_write+https://example.com/receive",
                where=Place(path=PUSH_URL),
            )
        ]
    )


def _shown(url: str) -> str:
    """A URL, or what was meant to be one, without user, password and what follows `?`."""
    scheme, separator, rest = url.partition("://") if "://" in url else ("", "", url)
    authority, slash, more = rest.partition("/")
    user, _, host = authority.rpartition("@")
    if "@" in more or any(mark in user for mark in "?#"):
        return f"{scheme}{separator}..."  # who knows where the password ends
    return (scheme + separator + host + slash + more).partition("?")[0].partition("#")[0]
