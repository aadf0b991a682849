"""Where processes of one user talk to each other."""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["socket_folder"]


def socket_folder() -> Path:
    """A folder of this user's alone: whoever can write there can speak to a store, or switch faults.

    It is `$XDG_RUNTIME_DIR/tapewatch`, or `/tmp/tapewatch-UID` where that variable is empty or names the folder of a
    login that is over.

    Raises:
        PermissionError: the folder is another user's, or open to others.
    """
    above = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(above) / "tapewatch" if above and Path(above).is_dir() else Path(f"/tmp/tapewatch-{os.getuid()}")  # noqa: S108 -- checked below
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder of this user's alone")
    return folder
