"""Ids of events: UUIDs of version 7 (RFC 9562), so that they sort by the millisecond in which they were made."""

from __future__ import annotations

import os
import random
from time import time_ns

__all__ = ["new_id"]

# One seed from the operating system for each process: a system call for each event would cost more than all the rest.
_random = random.Random()  # noqa: S311 -- an id must be unlike all others; nobody need be unable to guess it
os.register_at_fork(after_in_child=_random.seed)


def new_id() -> str:
    """A new id: the time in milliseconds and 74 random bits, as `0198c1c2-6a3b-7c0d-9e1f-2a3b4c5d6e7f`."""
    bits = _random.getrandbits(74)
    time = time_ns() // 1_000_000
    version = 0x7000 | bits >> 62
    variant = 0x8000 | bits >> 48 & 0x3FFF
    return f"{time >> 16:08x}-{time & 0xFFFF:04x}-{version:04x}-{variant:04x}-{bits & 0xFFFF_FFFF_FFFF:012x}"
