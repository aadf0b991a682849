"""The API key, and the login that a browser keeps in its place."""

from __future__ import annotations

import hashlib
import hmac
import time
from pathlib import Path

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["SESSION", "SHORTEST", "ApiKey"]

SESSION = 7 * 86_400
"""Seconds that a login in a browser lasts."""

SHORTEST = 16
"""Characters of a key at least: some 80 bits, if they are random."""

LOOK_EVERY = 1.0
"""Seconds after which the file is looked at again; a key that was changed holds from then on."""


class ApiKey:
    """The key in a file.

    Parameters:
        file: the file; white space around the key does not count.

    Raises:
        ProblemsError: there is no such file, or no key in it that is long enough, with the code `history/api-key`.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._looked = time.monotonic()
        self._seen: tuple[int, int, int] = (0, 0, 0)
        self._key = b""
        self._read()

    def fits(self, given: str) -> bool:
        """Whether what a caller shows is the key; it takes as long for a wrong one."""
        return hmac.compare_digest(_digest(self._current()), _digest(given.strip().encode("utf-8", "replace")))

    def session(self, now: float) -> str:
        """What a browser keeps: it opens the same doors until it has run out or the key is another."""
        until = f"{now + SESSION:.0f}"
        return f"{until}.{self._signature(until)}"

    def is_session(self, text: str, now: float) -> bool:
        """Whether a browser shows what `session` gave."""
        until, _, signature = text.partition(".")
        fits = hmac.compare_digest(self._signature(until).encode(), signature.encode("utf-8", "replace"))
        return fits and until.isascii() and until.isdigit() and now < int(until)

    def _signature(self, until: str) -> str:
        return hmac.new(
            self._current(), b"tapewatch login until " + until.encode("utf-8", "replace"), "sha256"
        ).hexdigest()

    def _current(self) -> bytes:
        if time.monotonic() - self._looked >= LOOK_EVERY:
            self._looked = time.monotonic()
            try:
                self._read()
            except ProblemsError:
                return self._key  # while it is being replaced; the one of before goes on
        return self._key

    def _read(self) -> None:
        try:
            state = self._file.stat()
            seen = (state.st_mtime_ns, state.st_size, state.st_ino)
            if seen == self._seen:
                return
            key = self._file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise _unusable(self._file, getattr(error, "strerror", "") or "it is not UTF-8") from error
        if len(key) < SHORTEST:
            raise _unusable(self._file, f"it holds {len(key)} characters")
        self._key, self._seen = key.encode(), seen


def _digest(text: bytes) -> bytes:
    """Of one length whatever is given, so that comparing tells nothing of the key's."""
    return hashlib.sha256(text).digest()


def _unusable(file: Path, reason: str) -> ProblemsError:
    return ProblemsError(
        [
            Problem(
                code="history/api-key",
                summary=f"there is no API key in {file}: {reason}",
                must=f"the file holds one key of {SHORTEST} characters or more",
                fix=f"make one: (umask 077; head -c 32 /dev/urandom | base64 > {file})",
                where=Place(file=str(file)),
            )
        ]
    )
