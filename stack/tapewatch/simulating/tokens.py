"""The token that the kill switch asks for."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["TOKEN", "TOKEN_FILE", "kill_switch_token"]

TOKEN = "TAPEWATCH_KILL_SWITCH_TOKEN"  # noqa: S105 -- the name of a variable
"""Environment variable that holds it."""

TOKEN_FILE = "TAPEWATCH_KILL_SWITCH_TOKEN_FILE"  # noqa: S105 -- the name of a variable
"""Environment variable that holds the path of a file with it."""


def kill_switch_token() -> str:
    """The token, read at each use so that it can be changed; empty when none is configured."""
    if token := os.environ.get(TOKEN, ""):
        return token
    path = os.environ.get(TOKEN_FILE, "")
    try:
        return Path(path).read_text(encoding="utf-8").strip() if path else ""
    except (OSError, ValueError):
        return ""
