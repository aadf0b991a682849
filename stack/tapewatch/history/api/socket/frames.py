"""WebSocket frames as a server sends them (RFC 6455): neither masked nor compressed, so the same for every client."""

from __future__ import annotations

from struct import pack

__all__ = ["frame"]

_TEXT = 0x81


def frame(message: bytes) -> bytes:
    """A text message as one frame.

    Parameters:
        message: in UTF-8.
    """
    size = len(message)
    if size < 126:
        return pack("!BB", _TEXT, size) + message
    if size < 1 << 16:
        return pack("!BBH", _TEXT, 126, size) + message
    return pack("!BBQ", _TEXT, 127, size) + message
