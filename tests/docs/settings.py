"""The settings of the catalogue, found by walking its model."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tapewatch.catalogue import Catalogue

__all__ = ["Setting", "models", "settings_of"]


class Setting:
    """One key of the catalogue.

    Parameters:
        key: as it is written.
        field: what the model says of it.
    """

    def __init__(self, key: str, field: FieldInfo) -> None:
        self.key = key
        self.required = field.is_required()
        self._default = field.default

    @property
    def default(self) -> str:
        """The default as the reference writes it."""
        if self.required:
            return "required"
        value = self._default.value if isinstance(self._default, Enum) else self._default
        if value is PydanticUndefined or value is None or value in ("", (), {}):
            return "none"
        if isinstance(value, BaseModel):
            return "its defaults"
        return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def settings_of(model: type[BaseModel]) -> list[Setting]:
    """The keys of one section."""
    return [Setting(field.alias or name, field) for name, field in model.model_fields.items()]


def models(root: type[BaseModel] = Catalogue, path: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    """Every section of the catalogue with a path that leads to it; `NAME` stands for a key of one's own."""
    yield root, path
    for name, field in root.model_fields.items():
        for inner, more in _inside(field.annotation):
            yield from models(inner, f"{path}.{field.alias or name}{more}".removeprefix("."))


def _inside(annotation: Any) -> Iterator[tuple[type[BaseModel], str]]:
    """The models inside a type, with what the path gets: `.NAME` for a mapping, `[]` for a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, ""
        return
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal or not arguments:
        return
    if origin in (Union, UnionType):
        for argument in arguments:
            yield from _inside(argument)
    elif origin is Annotated:
        yield from _inside(arguments[0])
    elif origin is tuple:
        yield from ((model, f"[]{more}") for model, more in _inside(arguments[0]))
    else:
        yield from ((model, f".NAME{more}") for model, more in _inside(arguments[-1]))
