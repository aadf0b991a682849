"""The files that a part of the catalogue names, such as those with secrets."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

__all__ = ["named_files"]

Path = tuple[str | int, ...]


def named_files(model: BaseModel, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every file, at any depth, with the path of the catalogue that names it.

    Parameters:
        model: the part.
        path: where it stands in the catalogue.
    """
    for key, value in model:
        if isinstance(value, BaseModel):
            yield from named_files(value, (*path, key))
        elif isinstance(value, tuple):
            for index, each in enumerate(value):
                if isinstance(each, BaseModel):
                    yield from named_files(each, (*path, key, index))
        elif isinstance(value, str) and key.endswith("_file"):
            yield (*path, key), value
