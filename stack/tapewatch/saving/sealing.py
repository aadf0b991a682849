"""Encryption of archives in the format of age: `age -d -i KEY` opens them too, without tapewatch."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from tapewatch.saving.failures import missing_extra, no_key

__all__ = ["Key", "SealError", "make_key"]

_MARK = "AGE-SECRET-KEY-1"


class SealError(Exception):
    """It cannot be opened: with another key, or because it was changed.

    Parameters:
        key: whether the key is a wrong one.
    """

    def __init__(self, key: bool, reason: str) -> None:
        self.key = key
        super().__init__(reason)


class Key:
    """An age identity.

    Parameters:
        file: holds it, as `age-keygen` or `--make-key` writes it; lines that begin with `#` do not count.

    Raises:
        ProblemsError: there is no key in the file.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._age = _age()
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise no_key(f"the key cannot be read: {error}", str(file)) from error
        text = next((line.strip() for line in lines if line.startswith(_MARK)), "")
        try:
            self._identity = self._age.x25519.Identity.from_str(text)
        except (self._age.IdentityError, ValueError) as error:
            raise no_key(f"{file} holds no key", str(file)) from error

    @contextmanager
    def sealing(self, out: IO[bytes]) -> Iterator[IO[bytes]]:
        """A stream whose content comes out encrypted at `out`.

        Raises:
            OSError: `out` cannot be written.
        """
        reading, writing = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
        failed: list[BaseException] = []

        def work() -> None:
            try:
                self._age.encrypt_io(reading, _Carefully(out, failed), [self._identity.to_public()])
            except BaseException as error:  # noqa: BLE001 -- raised where the stream is written
                failed.append(error)
            finally:
                reading.close()

        thread = threading.Thread(target=work, name="sealing", daemon=True)
        thread.start()
        try:
            yield writing
            writing.close()
        except BrokenPipeError:
            pass  # what broke it is told below
        finally:
            with suppress(OSError):
                writing.close()
            thread.join()
        if failed:
            raise failed[0]

    @contextmanager
    def opened(self, source: IO[bytes]) -> Iterator[IO[bytes]]:
        """The content of an encrypted stream; it has to be read to its end, where `SealError` may come.

        Raises:
            SealError: it cannot be opened.
        """
        reading, writing = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
        failed: list[BaseException] = []

        def work() -> None:
            try:
                self._age.decrypt_io(source, writing, [self._identity])
                writing.flush()
            except BrokenPipeError:
                pass  # nobody reads on
            except BaseException as error:  # noqa: BLE001 -- raised where the stream is read
                failed.append(error)
            finally:
                with suppress(OSError):
                    writing.close()

        thread = threading.Thread(target=work, name="opening", daemon=True)
        thread.start()
        try:
            yield reading
        except Exception:
            reading.close()
            thread.join()
            if failed:
                raise _seal_error(failed[0]) from failed[0]
            raise
        finally:
            reading.close()
            thread.join()
        if failed and not isinstance(failed[0], BrokenPipeError):
            raise _seal_error(failed[0]) from failed[0]

    def seal(self, content: bytes) -> bytes:
        """Some content, encrypted."""
        return bytes(self._age.encrypt(content, [self._identity.to_public()]))

    def open(self, content: bytes) -> bytes:
        """What `seal` was given.

        Raises:
            SealError: it cannot be opened.
        """
        out = BytesIO()
        try:
            self._age.decrypt_io(BytesIO(content), out, [self._identity])
        except Exception as error:
            raise _seal_error(error) from error
        return out.getvalue()


class _Carefully:
    """Keeps the error of a write as it was: age tells it in words of its own."""

    def __init__(self, out: IO[bytes], failed: list[BaseException]) -> None:
        self._out, self._failed = out, failed

    def write(self, data: bytes) -> int:
        try:
            return self._out.write(data)
        except OSError as error:
            self._failed.append(error)
            raise

    def flush(self) -> None:
        self._out.flush()


def make_key(file: Path) -> None:
    """Write a new key to a file that is not there, for this user alone."""
    identity = _age().x25519.Identity.generate()
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(f"# a key for `tapewatch backup`; without it nobody can read those backups\n{identity}\n")


def _seal_error(error: BaseException) -> SealError:
    return SealError("No matching keys" in str(error), str(error))


def _age() -> Any:
    try:
        import pyrage
    except ImportError:
        raise missing_extra("pyrage") from None
    return pyrage
