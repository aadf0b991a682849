"""`${...}` in packs: parameters and arithmetic over them.

A bare name gives the parameter as it was written (`${window}` -> `5m`). Everything else is arithmetic in which a
duration counts as its seconds: `${window / 5s}`, `${ceil(threshold * 200) + 1}`, `${for + 40s}`.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping

from tapewatch.schema import seconds

__all__ = ["Value", "evaluate", "fill", "format_duration", "format_number"]

Value = float | int | str

_PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")
_DURATION = re.compile(r"\b(?:\d+(?:ms|[ywdhms]))+\b")
_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "ceil": math.ceil,
    "floor": math.floor,
    "round": round,
    "min": min,
    "max": max,
    "abs": abs,
}


def fill(text: str, values: Mapping[str, Value]) -> str:
    """Replace every `${...}` of a text.

    Raises:
        ValueError: a name is unknown or an expression is none; the message names it.
    """
    return _PLACEHOLDER.sub(lambda match: _replacement(match[1].strip(), values), text)


def evaluate(text: str | float, values: Mapping[str, Value]) -> float:
    """A time of a proof in seconds: a number, a duration, or a text with `${...}` that yields one of them."""
    if isinstance(text, str):
        filled = fill(text, values)
        try:
            return float(filled)
        except ValueError:
            return seconds(filled)
    return float(text)


def _replacement(expression: str, values: Mapping[str, Value]) -> str:
    if expression in values:
        value = values[expression]
        return value if isinstance(value, str) else format_number(value)
    if match := re.fullmatch(r"(percent|duration)\((.*)\)", expression):
        number = _number(match[2], values)
        return f"{format_number(number * 100)} %" if match[1] == "percent" else format_duration(number)
    return format_number(_number(expression, values))


def _number(expression: str, values: Mapping[str, Value]) -> float:
    source = _DURATION.sub(lambda match: format_number(seconds(match[0])), expression)
    # `for` is a keyword of Python but the natural name of a rule's holding time.
    source = re.sub(r"\bfor\b", "for_", source)
    try:
        tree = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"${{{expression}}} is no expression") from error
    return _walk(tree, {**values, "for_": values["for"]} if "for" in values else values, expression)


def _walk(node: ast.expr, values: Mapping[str, Value], whole: str) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name) if name in values:
            value = values[name]
            return seconds(value) if isinstance(value, str) else value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_walk(operand, values, whole)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_walk(left, values, whole), _walk(right, values, whole))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_walk(each, values, whole) for each in arguments))
    known = ", ".join(sorted({*values} - {"for_"})) or "none"
    raise ValueError(f"`{ast.unparse(node)}` in ${{{whole}}} is unknown; parameters: {known}")


def format_number(value: float) -> str:
    """A number without needless digits: `5`, `0.1`, `1.5`; ten digits hide what binary fractions add."""
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return format(value, ".10g")


def format_duration(length: float) -> str:
    """Seconds as a Prometheus duration with the fewest parts that are exact: `90` -> `1m30s`."""
    milliseconds = round(length * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
