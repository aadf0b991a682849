"""Reading a store that another process has open, through its socket."""

from __future__ import annotations

from pathlib import Path

from tapewatch.history.store.contract import Reader

__all__ = ["connect", "socket_of"]


def socket_of(path: Path) -> Path:
    """Where the process that has a store open answers others of the same user.

    Parameters:
        path: the store's file.
    """
    raise NotImplementedError


def connect(socket: Path) -> Reader:
    """A reader of a store that another process serves.

    Parameters:
        socket: where it does; see `socket_of`.

    Raises:
        StoreGoneError: nobody answers there.
    """
    raise NotImplementedError
