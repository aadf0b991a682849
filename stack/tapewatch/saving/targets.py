"""Where backups are kept: a folder, or a bucket of an object store."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from tapewatch.saving.failures import disk, is_there, missing_extra, store

__all__ = ["MANIFESTS", "Bucket", "Folder", "S3Options", "Target", "target_of"]

MANIFESTS = ("manifest.json", "manifest.json.age")
"""Plain, and encrypted. A backup has one of the two."""


class Target(Protocol):
    """Keeps backups by name."""

    where: str
    """As the user wrote it."""

    def names(self) -> list[str]:
        """The whole backups, the oldest first."""
        ...

    def writing(self, name: str) -> Any:
        """A context that gives a `Draft`. What it holds is a backup once the block has ended well, else nothing."""
        ...

    def open(self, name: str, file: str) -> IO[bytes]:
        """A file of a backup, to be read once from the beginning.

        Raises:
            FileNotFoundError: there is no such file.
        """
        ...


class Draft(Protocol):
    """A backup that is being written."""

    def file(self, name: str) -> Any:
        """A context that gives the stream of a new file. The manifest is the last."""
        ...


class Folder:
    """A folder of this machine, with a folder for each backup.

    Parameters:
        path: the folder; it is made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = str(path)

    def names(self) -> list[str]:
        """See `Target`."""
        return sorted({found.parent.name for each in MANIFESTS for found in self.path.glob(f"[!.]*/{each}")})

    @contextmanager
    def writing(self, name: str) -> Iterator[_FolderDraft]:
        """See `Target`: written beside, flushed, and renamed at the end."""
        draft = self.path / f".{name}.{os.getpid()}.part"
        self._clear()
        try:
            if (self.path / name).exists():
                raise is_there(self.where, name)
            draft.mkdir(parents=True, mode=0o700)
            yield _FolderDraft(draft)
            _sync(draft)
            draft.rename(self.path / name)
            _sync(self.path)
        except OSError as error:
            raise disk(self.where, error) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _clear(self) -> None:
        """Remove what a backup left that was killed."""
        for left in self.path.glob(".*.part"):
            pid = left.name.split(".")[-2]
            if pid.isdigit() and not _is_alive(int(pid)):
                shutil.rmtree(left, ignore_errors=True)

    def open(self, name: str, file: str) -> IO[bytes]:
        """See `Target`."""
        return (self.path / name / file).open("rb")


@dataclass(frozen=True)
class _FolderDraft:
    folder: Path

    @contextmanager
    def file(self, name: str) -> Iterator[IO[bytes]]:
        descriptor = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())


@dataclass(frozen=True)
class S3Options:
    """How an object store is reached.

    Parameters:
        endpoint: its URL; AWS's own where there is none.
        region: its region.
        credentials: file with the key, in the form of AWS's shared credentials.
    """

    endpoint: str = ""
    region: str = "us-east-1"
    credentials: Path | None = None


class Bucket:
    """A prefix of a bucket that speaks S3.

    Parameters:
        where: `s3://BUCKET/PREFIX`.
        options: how it is reached.
    """

    def __init__(self, where: str, options: S3Options) -> None:
        self.where = where
        self.bucket, _, prefix = where.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._client, self._error = _client(where, options)

    def names(self) -> list[str]:
        """See `Target`."""
        found = (key.removeprefix(self._prefix).split("/") for key in self._keys(self._prefix))
        return sorted({parts[0] for parts in found if len(parts) == 2 and parts[1] in MANIFESTS})

    @contextmanager
    def writing(self, name: str) -> Iterator[_BucketDraft]:
        """See `Target`: the manifest is the last object; what was interrupted is removed, and has none in any case."""
        if name in self.names():
            raise is_there(self.where, name)
        try:
            yield _BucketDraft(self, f"{self._prefix}{name}/")
        except BaseException as error:
            with suppress(Exception):  # the first error is the one to tell
                for key in self._keys(f"{self._prefix}{name}/"):
                    self._client.delete_object(Bucket=self.bucket, Key=key)
            if isinstance(error, OSError):
                raise disk(tempfile.gettempdir(), error) from error
            raise

    def open(self, name: str, file: str) -> IO[bytes]:
        """See `Target`."""
        try:
            answer = self._client.get_object(Bucket=self.bucket, Key=f"{self._prefix}{name}/{file}")
        except self._error as error:
            if "NoSuchKey" in str(error):
                raise FileNotFoundError(file) from error
            raise store(self.where, str(error)) from error
        body: IO[bytes] = answer["Body"]
        return body

    def put(self, key: str, file: IO[bytes]) -> None:
        """Store a file under a key of the bucket."""
        try:
            self._client.upload_fileobj(file, self.bucket, key)
        except self._error as error:
            raise store(self.where, str(error)) from error

    def _keys(self, prefix: str) -> Iterator[str]:
        try:
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                yield from (each["Key"] for each in page.get("Contents", ()))
        except self._error as error:
            raise store(self.where, str(error)) from error


@dataclass(frozen=True)
class _BucketDraft:
    bucket: Bucket
    prefix: str

    @contextmanager
    def file(self, name: str) -> Iterator[IO[bytes]]:
        """Through a file of this machine: its length has to be known before."""
        with tempfile.TemporaryFile(prefix="tapewatch-backup-") as out:
            yield out
            out.seek(0)
            self.bucket.put(f"{self.prefix}{name}", out)


def target_of(text: str, options: S3Options) -> Target:
    """The target that a user names: `s3://BUCKET/PREFIX`, or a folder."""
    return Bucket(text, options) if text.startswith("s3://") else Folder(Path(text))


def _client(where: str, options: S3Options) -> tuple[Any, tuple[type[Exception], ...]]:
    try:
        import boto3
        import botocore.config
        import botocore.exceptions
        import botocore.session
        from boto3.exceptions import Boto3Error
    except ImportError:
        raise missing_extra("boto3") from None
    errors = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, Boto3Error)
    session = botocore.session.Session()
    if options.credentials is not None:
        if not options.credentials.is_file():
            raise store(where, f"there is no file {options.credentials} with its key")
        session.set_config_variable("credentials_file", str(options.credentials))
    # Without a host name of AWS the bucket stands in the path, as every other store understands it.
    style = {"addressing_style": "path" if options.endpoint else "auto"}
    config = botocore.config.Config(s3=style, retries={"max_attempts": 3, "mode": "standard"}, connect_timeout=5)
    try:
        client = boto3.Session(botocore_session=session).client(
            "s3", endpoint_url=options.endpoint or None, region_name=options.region, config=config
        )
    except (*errors, ValueError) as error:
        raise store(where, str(error)) from error
    return client, errors


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
