"""What a scalar means: PyYAML's resolver and constructors, asked once for each spelling."""

from __future__ import annotations

from typing import Any

import yaml

__all__ = ["Quoted", "Scalar", "loader_class", "resolve_plain", "tagged_value"]

Scalar = str | int | float | bool | None

_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(_TAG + name for name in ("int", "float", "bool", "null"))
_CORE_TAGS = _PLAIN_TAGS | {_TAG + "str"}


class Quoted(str):
    """Text that stood in quotes and holds `${`, so that interpolation knows not to make a number of it."""

    __slots__ = ()


def loader_class() -> Any:
    """PyYAML's C loader, or its pure Python one (some ten times slower) where PyYAML was built without libyaml."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


# Resolver and constructors live on instances; the pure Python loader has both and is asked about single scalars only.
_meaning: Any = yaml.SafeLoader("")
_FIRST_CHARACTERS = frozenset(_meaning.yaml_implicit_resolvers)


def resolve_plain(text: str) -> Scalar:
    """The value of `text` written without quotes, in YAML 1.1 as PyYAML has it.

    Dates, `=` and `<<` stay text: a configuration has no use for the types that PyYAML would make of them.

    Raises:
        ValueError: it looks like a number but is none (`0b_`, or more digits than Python converts).
    """
    if text and text[0] not in _FIRST_CHARACTERS:
        return text
    tag = _meaning.resolve(yaml.ScalarNode, text, (True, False))
    return tagged_value(tag, text) if tag in _PLAIN_TAGS else text


def tagged_value(tag: str, text: str) -> Scalar:
    """The value of a scalar with an explicit tag such as `!!int`.

    Raises:
        KeyError: the tag is none of `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`.
        ValueError: the text is no value of that type.
    """
    if tag not in _CORE_TAGS:
        raise KeyError(tag)
    node = yaml.ScalarNode(tag, text)
    try:
        value: Scalar = _meaning.yaml_constructors[tag](_meaning, node)
    except (KeyError, IndexError) as error:  # `!!bool maybe`, `!!int ""`
        raise ValueError(text) from error
    return value
