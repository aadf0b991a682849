"""A logger that says nothing: what a client does wrong is not this server's news."""

from __future__ import annotations

import logging

__all__ = ["QUIET"]

QUIET = logging.getLogger("tapewatch.history.socket")
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False
QUIET.setLevel(logging.CRITICAL)
