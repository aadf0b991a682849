"""Turns what pydantic says into problems: where in the file, what must hold, how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from tapewatch.documents import Document
from tapewatch.schema.nearest import nearest
from tapewatch_sdk.problems import Problem

__all__ = ["problem_of"]

_Path = tuple[str | int, ...]

_SECRETS = {
    "password": "password_file",
    "auth_password": "password_file",
    "token": "credentials_file",
    "bearer_token": "credentials_file",
    "credentials": "credentials_file",
    "secret": "credentials_file",
    "api_key": "credentials_file",
    "api_url": "api_url_file",
    "routing_key": "routing_key_file",
    "service_key": "routing_key_file",
}
"""Keys under which people write a secret, and the key that names its file instead."""

_CUSTOM = {"bad_duration", "bad_address", "bad_url", "bad_bind", "bad_time_zone", "bad_regex"}
"""Error types of our own scalar types; each is a problem code."""

_WANTED = {
    "string_type": "a text; put it in quotes",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping (key: value lines)",
    "model_type": "a mapping (key: value lines)",
    "model_attributes_type": "a mapping (key: value lines)",
    "mapping_type": "a mapping (key: value lines)",
    "tuple_type": "a list",
    "list_type": "a list",
}


def problem_of(detail: Any, document: Document, root: type[BaseModel], area: str) -> Problem:
    """One entry of `ValidationError.errors()` as a problem that is placed in the document.

    Parameters:
        detail: the entry.
        document: where the data came from.
        root: the model that the document was held against; it names the keys that exist.
        area: first part of the problem's code, such as `catalogue`.
    """
    # pydantic marks the key of a mapping by "[key]" behind it; in the document that is the key itself.
    path: _Path = tuple(part for part in detail["loc"] if part != "[key]")
    kind = detail["type"]
    if kind == "extra_forbidden":
        return _unknown_key(path, document, root, area)
    if kind == "missing":
        return Problem(
            code=f"{area}/missing-key",
            summary=f"`{path[-1]}` is missing",
            must=f"{_parent(path)} has a key `{path[-1]}`",
            fix=f"add `{path[-1]}:`",
            where=document.place(path),
        )
    if kind == "inline_secret":
        return _inline(path, document, area, detail["msg"])
    context = detail.get("ctx") or {}
    must = context.get("must") or _must(kind, context, detail["msg"])
    return Problem(
        code=f"{area}/{kind.replace('_', '-') if kind in _CUSTOM else 'bad-value'}",
        summary=f"`{'.'.join(map(str, path))}`: {detail['msg'][:1].lower()}{detail['msg'][1:]}",
        must=must,
        fix=f"write {must}",
        where=document.place(path, key="[key]" in detail["loc"]),
    )


def _must(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind in _WANTED:
        return _WANTED[kind]
    if "expected" in context:
        return f"one of {context['expected']}"
    if "pattern" in context:
        return f"a text that matches {context['pattern']}"
    return message.removeprefix("Input should be ").removeprefix("Value should have ")


def _parent(path: _Path) -> str:
    return f"`{'.'.join(map(str, path[:-1]))}`" if len(path) > 1 else "the document"


def _unknown_key(path: _Path, document: Document, root: type[BaseModel], area: str) -> Problem:
    key = str(path[-1])
    known = _keys_at(path[:-1], root)
    if _SECRETS.get(key) in known:
        return _inline(path, document, area, f"`{key}` would put a secret into the file")
    near = nearest(key, known)
    return Problem(
        code=f"{area}/unknown-key",
        summary=f"unknown key `{key}`" + (f"; did you mean `{near}`?" if near else ""),
        must=f"keys of {_parent(path)}: {', '.join(known)}" if known else "no further key stands here",
        fix=f"rename it to `{near}`" if near else "remove it",
        where=document.place(path, key=True),
    )


def _inline(path: _Path, document: Document, area: str, summary: str) -> Problem:
    file_key = _SECRETS.get(str(path[-1]), f"{path[-1]}_file")
    return Problem(
        code=f"{area}/inline-secret",
        summary=summary,
        must="a secret is named by file, never written down",
        fix=f"put it into a file that only the server can read and write `{file_key}: /run/secrets/NAME`",
        where=document.place(path, key=True),
    )


def _keys_at(path: _Path, root: type[BaseModel]) -> tuple[str, ...]:
    """The keys that the model knows at a path of the document."""
    annotation: Any = root
    for part in path:
        annotation = _step(_plain(annotation), part)
    model = _plain(annotation)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return ()
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _plain(annotation: Any) -> Any:
    """An optional type without its None, an annotated one without its annotation."""
    if get_origin(annotation) in (Union, UnionType):
        return next(_plain(each) for each in get_args(annotation) if each is not type(None))
    if hasattr(annotation, "__metadata__"):
        return annotation.__origin__
    return annotation


def _step(annotation: Any, part: str | int) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if part in (name, field.alias):
                return field.annotation
        return None
    arguments = get_args(annotation)
    if not arguments:
        return None
    return arguments[0] if isinstance(part, int) else arguments[-1]
