"""How long a service must be on its old shard and on its new one: as long as any alert remembers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import promql_parser as ast

from tapewatch.promql.syntax import parse_ast
from tapewatch.schema import seconds
from tapewatch_sdk.errors import ProblemsError

__all__ = ["memory_of"]


def memory_of(rules: Iterable[Mapping[str, Any]]) -> tuple[float, str]:
    """The longest time for which any alert remembers, in seconds, and which one it is; 0 and no name without alerts.

    An alert remembers as long as its expression looks back, through recorded series too, and then as long as its
    condition must hold (`for`) and goes on firing (`keep_firing_for`).

    Parameters:
        rules: as Prometheus's files have them.
    """
    rules = list(rules)
    records: dict[str, list[str]] = {}
    for rule in rules:
        if "record" in rule:
            records.setdefault(rule["record"], []).append(rule["expr"])
    looks = _Looks(records)
    found = [
        (looks.back(rule["expr"]) + sum(seconds(rule.get(key, "0s")) for key in ("for", "keep_firing_for")), name)
        for rule in rules
        if (name := rule.get("alert", ""))
    ]
    return max(found, default=(0.0, ""))


class _Looks:
    """How far expressions look back.

    Parameters:
        records: the expressions that are recorded, by name.
    """

    def __init__(self, records: Mapping[str, Sequence[str]]) -> None:
        self._records = records
        self._known: dict[str, float] = {}

    def back(self, expr: str) -> float:
        """Seconds from now to the oldest sample that an expression reads; 0 where it does not parse."""
        try:
            return self._of(parse_ast(expr)[0])
        except ProblemsError:
            return 0.0

    def _of(self, node: Any) -> float:
        match node:
            case ast.VectorSelector():
                return _length(node.offset) + self._recorded(node)
            case ast.MatrixSelector():
                return _length(node.range) + self._of(node.vector_selector)
            case ast.SubqueryExpr():
                return _length(node.range) + _length(node.offset) + self._of(node.expr)
        return max((self._of(each) for each in _parts(node)), default=0.0)

    def _recorded(self, node: Any) -> float:
        name = node.name or ""
        if name not in self._known:
            self._known[name] = 0.0  # a series may read its own past
            self._known[name] = max((self.back(each) for each in self._records.get(name, ())), default=0.0)
        return self._known[name]


def _length(duration: Any) -> float:
    return float(duration.total_seconds()) if duration else 0.0


def _parts(node: Any) -> list[Any]:
    match node:
        case ast.ParenExpr() | ast.UnaryExpr():
            return [node.expr]
        case ast.Call():
            return list(node.args)
        case ast.AggregateExpr():
            return [node.expr, *([node.param] if node.param else [])]
        case ast.BinaryExpr():
            return [node.lhs, node.rhs]
    return []
