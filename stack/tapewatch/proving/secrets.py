"""Files with secrets that lie where the containers are, and not here: promtool wants them to exist."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

__all__ = ["with_secrets"]

_FOLDERS = ("rules", "targets")
"""What `prometheus.yml` names by paths that begin at its own folder."""


@contextmanager
def with_secrets(config: Path) -> Iterator[Path]:
    """A `prometheus.yml` like this one, in which every file with a secret exists; the very same if all are here.

    Parameters:
        config: the file.
    """
    data = _read(config)
    missing = [(holder, key) for holder, key in _files(data) if not (config.parent / str(holder[key])).exists()]
    if not missing:
        yield config
        return
    with tempfile.TemporaryDirectory(prefix="tapewatch-") as folder:
        copy = Path(folder) / config.name
        for number, (holder, key) in enumerate(missing):
            secret = Path(folder) / f"secret-{number}"
            secret.write_text("a stand-in\n", encoding="utf-8")
            holder[key] = str(secret)
        copy.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        for name in _FOLDERS:
            (Path(folder) / name).symlink_to((config.parent / name).absolute())
        yield copy


def _read(config: Path) -> Any:
    """What is in the file; nothing if it is no YAML, which promtool itself says best."""
    try:
        return yaml.load(config.read_text(encoding="utf-8"), yaml.CSafeLoader)
    except yaml.YAMLError:
        return None


def _files(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Every key that names a file, with the mapping that it stands in."""
    if isinstance(value, dict):
        for key, each in value.items():
            if str(key).endswith("_file") and isinstance(each, str):
                yield value, key
            else:
                yield from _files(each)
    elif isinstance(value, list):
        for each in value:
            yield from _files(each)
