"""The audit trail of a service: from the bus to the disk, from the disk to the project's API."""

from __future__ import annotations

import os
from pathlib import Path

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import HttpSender, SpooledSink
from tapewatch_sdk.problems import Place, Problem

__all__ = ["API_TOKEN", "API_TOKEN_FILE", "API_URL", "SPOOL", "audit_spool"]

API_URL = "TAPEWATCH_API_URL"
"""Environment variable with the URL of the project's API."""

API_TOKEN = "TAPEWATCH_API_TOKEN"  # noqa: S105 -- the name of a variable
API_TOKEN_FILE = "TAPEWATCH_API_TOKEN_FILE"  # noqa: S105 -- the name of a variable
"""Environment variables with its token, or with the file that holds it; the file is read anew for each batch."""

SPOOL = "TAPEWATCH_SPOOL"
"""Environment variable with the folder where events wait for the API."""


def audit_spool(
    url: str | None, token: str | os.PathLike[str] | None, folder: str | os.PathLike[str] | None
) -> SpooledSink | None:
    """What keeps events on disk until the API has them; None where neither URL nor folder is given.

    Parameters:
        url: of the API; by default what the environment says. The same holds for the others.
        token: its token, or a path to it.
        folder: where events wait.

    Raises:
        ProblemsError: one of the two is missing; the URL is none; the folder cannot be used.
    """
    url = os.environ.get(API_URL, "") if url is None else url
    folder = os.environ.get(SPOOL, "") if folder is None else folder
    if not url and not folder:
        return None
    if not url or not folder:
        raise ProblemsError([_half(API_URL if folder else SPOOL, str(folder or url))])
    return SpooledSink(folder, HttpSender(url, _token() if token is None else token).send)


def _token() -> str | Path:
    file = os.environ.get(API_TOKEN_FILE, "")
    return Path(file) if file else os.environ.get(API_TOKEN, "")


def _half(missing: str, given: str) -> Problem:
    what = "nothing says which API takes the events" if missing == API_URL else "no folder keeps events"
    return Problem(
        "service/half-audit-trail",
        f"{what}, and yet there is `{given.rpartition('@')[2]}`",
        must="the audit trail needs both: the API's URL, and a folder where events wait until it has them",
        fix=f"set {missing} as well, or neither",
        where=Place(path=missing),
    )
