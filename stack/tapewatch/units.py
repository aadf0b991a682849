"""Numbers as people read them."""

from __future__ import annotations

__all__ = ["size"]


def size(number: float) -> str:
    """`1.4 GB`; a GB has 10^9 bytes."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} PB"
