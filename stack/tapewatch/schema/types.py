"""The scalar types of the catalogue: each says what must hold, in the words that a problem prints."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

__all__ = [
    "Address",
    "AlertName",
    "Bytes",
    "Duration",
    "FilePath",
    "LabelName",
    "MetricName",
    "Model",
    "Name",
    "Regex",
    "Url",
    "byte_count",
    "go_duration",
    "seconds",
]

_UNITS = {"y": 31536000.0, "w": 604800.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SHIFTS = {"B": 0, "KB": 10, "MB": 20, "GB": 30, "TB": 40}
_DURATION = re.compile(r"(?=.)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?")
_PART = re.compile(r"(\d+)(ms|[ywdhms])")
_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?):(?P<port>\d{1,5})")

_NOT_RE2 = re.compile(r"(?<!\\)(?:\\\\)*(?P<what>\(\?(?:[=!>#]|<[=!]|P=)|\\[1-9])")
"""What Python's regular expressions have and Go's have not: looking around, and references."""

_ONLY_RE2 = re.compile(r"(?<!\\)((?:\\\\)*)(?:\\z|\\C|\\[pP](?:\{\^?\w+\}|\w)|\\Q.*?(?:\\E|$)|\[:\^?\w+:\])")
"""What only Go's have."""


class Model(BaseModel):
    """Base of every part of the catalogue: immutable, and a key that is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, hide_input_in_errors=True)


def seconds(duration: str) -> float:
    """Length of a Prometheus duration such as `1h30m` or `500ms`, in seconds.

    Raises:
        ValueError: the text is not a Prometheus duration.
    """
    if duration == "0":
        return 0.0
    if not _DURATION.fullmatch(duration):
        raise ValueError(f"not a duration: {duration!r}")
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(duration))


def go_duration(duration: str) -> str:
    """A duration as Go writes the same length, since Go knows no days and weeks."""
    milliseconds = round(seconds(duration) * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    return f"{milliseconds}ms" if rest else f"{hours}h"


def byte_count(size: str) -> int:
    """A size such as `512MB` in bytes; a MB has 1024 KB, as Prometheus counts."""
    digits = size.rstrip("BKMGT")
    return int(digits) << _SHIFTS[size.removeprefix(digits)]


def _duration(value: str) -> str:
    try:
        seconds(value)
    except ValueError as error:
        raise PydanticCustomError(
            "bad_duration",
            "{value} is not a duration",
            {"value": repr(value), "must": "a duration such as 30s, 5m or 1h30m"},
        ) from error
    return value


def _address(value: str) -> str:
    match = _ADDRESS.fullmatch(value)
    if match is None or not 0 < int(match["port"]) < 65536:
        raise PydanticCustomError(
            "bad_address",
            "{value} is not an address",
            {"value": repr(value), "must": "host:port, such as market-data:9091"},
        )
    return value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PydanticCustomError(
            "bad_url", "{value} is not a URL", {"value": repr(value), "must": "an http:// or https:// URL"}
        )
    if parts.password or parts.username:
        raise PydanticCustomError(
            "inline_secret",
            "a URL carries a user name or a password",
            {"must": "secrets are named by file, never written into the catalogue"},
        )
    return value


def _regex(value: str) -> str:
    reason = ""
    if found := _NOT_RE2.search(value):
        reason = f"Go's regular expressions have no `{found['what']}`"
    else:
        try:
            re.compile(_ONLY_RE2.sub(r"\1a", value))
        except re.error as error:
            reason = str(error)
    if reason:
        raise PydanticCustomError(
            "bad_regex",
            "{value} is not a regular expression: {reason}",
            {"value": repr(value), "reason": reason, "must": "a regular expression of Prometheus, such as go_.+"},
        )
    return value


Duration = Annotated[str, AfterValidator(_duration), Field(json_schema_extra={"examples": ["30s", "5m", "1h30m"]})]
"""A Prometheus duration: `30s`, `5m`, `1h30m`."""

Address = Annotated[str, AfterValidator(_address)]
"""`host:port`."""

Url = Annotated[str, AfterValidator(_url)]
"""An http or https URL without credentials in it."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
"""Lower case letters, digits and dashes, at most 63: it becomes a label value, a file name and a host name."""

LabelName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
"""A Prometheus label name."""

MetricName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
"""A Prometheus metric name."""

AlertName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]+$")]
"""Name of an alert: words that begin with a capital letter, without anything between them."""

Regex = Annotated[str, AfterValidator(_regex)]
"""A regular expression as Prometheus reads it (RE2)."""

FilePath = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\x00\n]+$")]
"""Path of a file on the machine (or in the container) that reads it."""

Bytes = Annotated[str, StringConstraints(pattern=r"^\d+(B|KB|MB|GB|TB)$")]
"""A size the way Prometheus writes it: `512MB`, `50GB`."""
