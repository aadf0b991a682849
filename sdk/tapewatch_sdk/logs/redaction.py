"""Secrets stay out of log lines and spans: by the name that a value has, and by what stands in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, time
from enum import Enum
from functools import lru_cache
from math import isfinite

__all__ = ["REDACTED", "encodable", "is_secret", "redacted", "redacted_text"]

REDACTED = "[redacted]"
"""What stands in a secret's place."""

MAX_TEXT = 8_192
"""Characters of one text that are kept: thousands of texts may be waiting. Loki takes lines of 256 KB."""

_BEYOND = 1_024
"""Characters behind those that are looked at, too, so that no secret is cut in two and not recognised."""

MAX_NAME = 128
MAX_ITEMS = 64
MAX_DEPTH = 6
"""How long a name may be, how much of a list or a mapping is kept, and how deep; Loki takes 128 fields with a line."""

_PARTS = (
    "password", "passwd", "passphrase", "pwd", "secret", "token", "api key", "access key", "private key", "signing key",
    "encryption key", "authorization", "credential", "cookie", "session id", "bearer",
)  # fmt: skip
"""A name that holds one of these is a secret's, in any case, and with `-`, `_`, `.` or nothing instead of the blank."""

_WHOLE = ("auth", "jwt", "otp", "pass", "pin")
"""A name that is one of these is, too."""

_MAX_INTEGER = 2**63
"""OTLP has integers of 64 bits; larger ones are kept as text."""

_BETWEEN = re.compile(r"[-_. ]")
_PLAIN_PARTS = tuple(part.replace(" ", "") for part in _PARTS)

_NAME = "|".join(part.replace(" ", "[-_. ]?") for part in _PARTS)
_WORD = rf"\b(?:{'|'.join(_WHOLE)})\b"

_HINTS = (
    "pass", "pwd", "secret", "token", "key", "auth", "cred", "cookie", "session", "bearer", "basic", "@", "eyj", "glc_",
    "glsa_", "jwt", "otp", "pin",
)  # fmt: skip
"""One of these stands in every text that holds a secret, in small letters; most texts hold none."""

# All of them take time in proportion to the text's length, whatever it is: no part can match in two ways, or it is
# bounded. `_WITHIN` is such a bound, far above any password's length.
_WITHIN = 512

_ASSIGNED = re.compile(
    rf"""(?P<kept>(?:(?:{_NAME})[\w.-]{{0,64}}|{_WORD})\\?["']?\s{{0,8}}(?:=>|[:=])\s{{0,8}})
         (?!\[redacted\])(?:(?:bearer|basic|digest|token)\s+)?
         (?:\\"(?:[^"\\]|\\[^"])*(?:\\?")?|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,;&)\]}}"']+)""",
    re.IGNORECASE | re.VERBOSE,
)

_OPTION = re.compile(rf"(?P<kept>(?<![\w-])--?[\w-]{{0,40}}?(?:{_NAME})[\w-]{{0,40}}\s{{1,8}})(?!-)\S+", re.IGNORECASE)

_BEARER = re.compile(r"(?P<kept>\bbearer\s+)[^\s\"',;]+", re.IGNORECASE)

# Base64 of user and password, told from a word that follows `basic` by a capital, a digit or padding inside of it.
_BASIC = re.compile(rf"(?P<kept>\b[Bb]asic\s+)(?=\S{{1,{_WITHIN}}}[A-Z0-9=])[A-Za-z0-9+/_-]{{6,}}=*")

# A password may hold anything but blanks; what follows a host's colon is a port.
_IN_URL = re.compile(rf"(?P<kept>://[^\s:/?#@]{{0,{_WITHIN}}}:)(?!\d{{1,5}}(?:[/?#]|$))\S{{0,{_WITHIN}}}(?=@)")

_BEFORE_HOST = re.compile(rf"(?P<kept>(?<![\w.+@/-])[\w.+-]{{1,{_WITHIN}}}:)[^\s@/]{{1,{_WITHIN}}}(?=@[\w\[])")

_PEM = re.compile(r"(?P<kept>)-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,32}PRIVATE KEY-----)?")

# A JSON Web Token, a key of Grafana's.
_KNOWN = re.compile(r"(?P<kept>)(?:\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*|\bgl(?:c|sa)_\w{8,})")

_STEPS = (_PEM, _ASSIGNED, _OPTION, _BEARER, _BASIC, _IN_URL, _BEFORE_HOST, _KNOWN)


@lru_cache(1024)
def is_secret(name: str) -> bool:
    """Whether a value of this name is a secret: `API-Key`, `db_password`, `Authorization`."""
    plain = _BETWEEN.sub("", name).lower()
    return plain in _WHOLE or any(part in plain for part in _PLAIN_PARTS)


def encodable(text: str) -> str:
    """The text with `?` for what UTF-8 does not have, half a surrogate pair: OTLP would refuse all of its batch."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def redacted_text(text: str) -> str:
    """The text with `[redacted]` for what looks like a secret, and cut after 8192 characters.

    What does: what follows a secret's name (`token=xyz`, `"password": "xyz"`, `--api-key xyz`), `Bearer xyz`,
    `Basic dXNlcjpw`, the password in `user:password@host`, JSON Web Tokens, Grafana's keys, private keys in PEM.
    """
    if len(text) > MAX_TEXT:
        return f"{_without_secrets(text[: MAX_TEXT + _BEYOND])[:MAX_TEXT]}... ({len(text)} characters)"
    return _without_secrets(text)


def _without_secrets(text: str) -> str:
    text = encodable(text)
    if not any(map(text.lower().__contains__, _HINTS)):
        return text
    for pattern in _STEPS:
        text = pattern.sub(rf"\g<kept>{REDACTED}", text)
    return text


def redacted(name: str, value: object) -> object:
    """A copy of a value that is safe to be written down: plain data, bounded, without secrets. It never raises.

    Parameters:
        name: what the value is called; empty when it has no name.
        value: anything. What is neither text, number, truth value, None, list nor mapping is kept as its text.
    """
    return _safe(name, value, 0)


def _safe(name: str, value: object, depth: int) -> object:
    try:
        return _plain(name, value, depth)
    except Exception as error:  # noqa: BLE001 -- any object may be logged, and some do not like to be looked at
        return f"({type(value).__name__} that cannot be shown: {type(error).__name__})"


def _plain(name: str, value: object, depth: int) -> object:
    if value is None:
        return None
    if name and is_secret(name):
        return REDACTED
    kind = type(value)
    if kind is bool or (isinstance(value, int) and kind is int and -_MAX_INTEGER <= value < _MAX_INTEGER):
        return value
    if isinstance(value, float):
        return float(value) if isfinite(value) else str(float(value))
    if isinstance(value, dict | list | tuple | set | frozenset):
        return _inside(value, depth + 1)
    return redacted_text(_words(value))


def _inside(value: Iterable[object], depth: int) -> object:
    if depth > MAX_DEPTH:
        return "(nested too deeply)"
    # A copy is walked: another thread may be changing the value itself.
    if isinstance(value, dict):
        items = [(encodable(_words(key)[:MAX_NAME]), each) for key, each in list(value.items())[:MAX_ITEMS]]
        return {key: _safe(key, each, depth) for key, each in items}
    return [_safe("", each, depth) for each in list(value)[:MAX_ITEMS]]


def _words(value: object) -> str:
    """What an object says of itself."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
