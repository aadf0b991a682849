"""The JSON Schema of the catalogue, for editors, made from the model."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from tapewatch.catalogue.model import Catalogue
from tapewatch.schema import Model

__all__ = ["schema_text"]

_VARIABLE = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-.*)?\}"}


def schema_text() -> str:
    """The schema as JSON (draft 2020-12)."""
    schema = Catalogue.model_json_schema(by_alias=True)
    _describe(schema, Catalogue)
    models = {model.__name__: model for model in _models(Model)}
    for name, definition in schema["$defs"].items():
        if name in models:
            _describe(definition, models[name])
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_interpolated(schema),
        "title": "tapewatch service catalogue",
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _models(base: type[Model]) -> Iterator[type[Model]]:
    for model in base.__subclasses__():
        yield model
        yield from _models(model)


def _describe(definition: dict[str, Any], model: type[Model]) -> None:
    """The text under a field becomes its description. Done here, not by pydantic, which would do it at every start."""
    aliases = {name: field.alias or name for name, field in model.model_fields.items()}
    for name, text in _field_texts(model).items():
        definition["properties"][aliases[name]].setdefault("description", text)


def _field_texts(model: type[Model]) -> Mapping[str, str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(body, ast.ClassDef)
    texts = {}
    for field, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
            texts[field.target.id] = inspect.cleandoc(ast.literal_eval(after.value)).replace("\n", " ")
    return texts


def _interpolated(node: Any) -> Any:
    """A number, a truth value or a text of a certain form may also be written as `${NAME:-default}`."""
    if isinstance(node, list):
        return [_interpolated(each) for each in node]
    if not isinstance(node, dict):
        return node
    node = {key: _interpolated(value) for key, value in node.items()}
    kind = node.get("type")
    if kind in ("integer", "number", "boolean") or (kind == "string" and ("pattern" in node or "enum" in node)):
        outer = {key: node.pop(key) for key in ("title", "description", "default") if key in node}
        return {**outer, "anyOf": [node, _VARIABLE]}
    return node
