"""Bodies of requests: how large they may be, and what is packed."""

from __future__ import annotations

import zlib

from tapewatch.history.api.errors import ApiError

__all__ = ["INSIDE", "LIMIT", "LIMITS", "inside", "limit_of", "unpacked"]

LIMIT = 64 << 10
"""Bytes of a body, where a call does not say otherwise."""

LIMITS = {
    "/api/events": 8 << 20,  # a spool sends 100 events of 64 KiB at once
    "/api/alerts/webhook": 4 << 20,  # some thousand alerts
    "/v1/metrics": 16 << 20,  # some fifty thousand points
}
"""Bytes of a body by path; of a packed one also when it is unpacked."""

INSIDE = 128 << 20
"""Bytes of what a worker hands to the historian: it was within its limit, and as JSON of ours it may be several times
as long, for `ü` is then `\\u00fc` and `1e15` all of its digits."""


def inside(_: str) -> int:
    """Bytes that a body may have that a worker sends."""
    return INSIDE


def limit_of(path: str) -> int:
    """Bytes that a body for a path may have."""
    return LIMITS.get(path, LIMIT)


def unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """A body without its Content-Encoding.

    Parameters:
        body: as it came.
        encoding: the header: `gzip`, `identity` or empty.
        limit: bytes that it may have.

    Raises:
        ApiError: 400, 413 or 415.
    """
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise ApiError(415, "encoding", "only gzip is understood")
    packed = zlib.decompressobj(31)
    try:
        found = packed.decompress(body, limit + 1)
    except zlib.error:
        raise ApiError(400, "no_gzip", "the body is no gzip") from None
    if len(found) > limit:
        raise ApiError(413, "too_large", f"the body has more than {limit} bytes when unpacked")
    if not packed.eof or packed.unused_data:
        raise ApiError(400, "no_gzip", "the body is no whole gzip")
    return found
