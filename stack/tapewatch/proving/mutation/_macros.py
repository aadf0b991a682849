"""Macros with one thing inside them changed, in every expression that calls them alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from tapewatch.promql.edit import expand_macros
from tapewatch.proving.mutation._edits import Edit, Mutation, mutations
from tapewatch.proving.mutation._sources import Expand
from tapewatch.rules.macros import MACROS

__all__ = ["damaged_macros"]

_COUNTER = "tapewatch_counter"
_SIGN = "tapewatch_sign_"
_RANGE = re.compile(r"(?P<selector>.*)\[(?P<range>[^\[\]]+)\]", re.DOTALL)


def damaged_macros() -> Iterator[tuple[str, Mutation, str, Expand]]:
    """Every macro in every damaged form: its name, the mutation, its text as mutated, and how to expand with it."""
    for name in MACROS:
        for number, mutation in enumerate(_inside(name, "5m")):
            yield name, mutation, _body(name, "5m", 0), _expanding({**MACROS, name: _damaged(name, number)})


def _expanding(macros: Mapping[str, Callable[[Sequence[str]], str]]) -> Expand:
    @cache
    def expand(expr: str) -> str:
        return expand_macros(expr, macros).strip()

    return expand


@cache
def _body(name: str, window: str, signs: int) -> str:
    """A macro's text for a counter with a plain name, and for as many further arguments."""
    return MACROS[name]([f"{_COUNTER}[{window}]", *(f"{_SIGN}{number}" for number in range(signs))])


@cache
def _inside(name: str, window: str) -> tuple[Mutation, ...]:
    # The tokens are the same for every window, so that the nth mutation is the same one for each of them.
    return mutations(_body(name, window, 0))


def _damaged(name: str, number: int) -> Callable[[Sequence[str]], str]:
    def macro(arguments: Sequence[str]) -> str:
        match = _RANGE.fullmatch(arguments[0].strip())
        if match is None:
            return MACROS[name](arguments)  # which says what is wrong
        window, signs = match["range"].strip(), [each.strip() for each in arguments[1:]]
        text = _with_signs(name, window, len(signs), _inside(name, window)[number].edit)
        for index in reversed(range(len(signs))):
            text = text.replace(f"{_SIGN}{index}", signs[index])
        return text.replace(_COUNTER, match["selector"].strip())

    return macro


def _with_signs(name: str, window: str, signs: int, edit: Edit) -> str:
    """The damaged text, with what further arguments add to it; that goes where the damage took its place away."""
    plain, whole = _body(name, window, 0), _body(name, window, signs)
    at = next((at for at, (one, other) in enumerate(zip(plain, whole, strict=False)) if one != other), len(plain))
    added = whole[at : at + len(whole) - len(plain)]
    damaged = edit.apply(plain)
    if edit.end <= at:
        at += len(damaged) - len(plain)
    elif edit.start < at:
        return damaged
    return damaged[:at] + added + damaged[at:]
