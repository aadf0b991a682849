"""Changes of rule files: alerts gained, lost, loosened or tightened, the heartbeat, records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tapewatch import layout
from tapewatch.planning.changes import Action, Change
from tapewatch.planning.heartbeat import is_heartbeat, rule_changes
from tapewatch.promql.lexer import Token, TokenKind, significant, tokenize
from tapewatch.schema import seconds
from tapewatch_sdk.names import EXPECTED, SEVERITIES, SHARD_SEEN

__all__ = ["alert_changes", "held_change", "severity_change"]

_OVERRIDE = re.compile(r',?\s*service(=~|!~)"\(drill-notify-\|drill-\)\?(?P<services>[^"]*)"')
_MORE_IS_LOOSER = {">": True, ">=": True, "<": False, "<=": False}
_ARITHMETIC = frozenset("+-*/%^")
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}


@dataclass(frozen=True, slots=True)
class _Alert:
    name: str
    service: str
    rule: Mapping[str, Any]
    path: str

    @property
    def expr(self) -> str:
        """The expression without the selectors that split overrides off; `{}` left over from them goes too."""
        return _OVERRIDE.sub("", self.rule["expr"]).replace("{}", "")

    @property
    def title(self) -> str:
        return f"{self.name} for {self.service}" if self.service else self.name


def alert_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Changes between two sets of rule files."""
    yield from _alerts(_read_alerts(before), _read_alerts(after))
    yield from rule_changes(_heartbeat(before), _heartbeat(after))
    yield from _records(_read_records(before), _read_records(after))


def _rules(files: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, data in files.items():
        for group in data["groups"]:
            for rule in group["rules"]:
                yield path, rule


def _read_alerts(files: Mapping[str, Any]) -> dict[tuple[str, str], _Alert]:
    found = {}
    for path, rule in _rules(files):
        if "alert" in rule and not is_heartbeat(rule):
            key = (rule["alert"], " ".join(filter(None, (_service_of(rule), _variant(rule)))))
            found[key] = _Alert(key[0], key[1], rule, path)
    return found


def _heartbeat(files: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    return next(((path, rule) for path, rule in _rules(files) if is_heartbeat(rule)), None)


def _service_of(rule: Mapping[str, Any]) -> str:
    match = _OVERRIDE.search(rule["expr"])
    return match["services"] if match and match[1] == "=~" else ""


def _variant(rule: Mapping[str, Any]) -> str:
    """What tells rules of one name apart that are no overrides, such as the burn rates of several objectives."""
    labels = rule.get("labels", {})
    return " ".join(str(labels[key]) for key in ("slo", "window") if key in labels)


def _alerts(before: Mapping[tuple[str, str], _Alert], after: Mapping[tuple[str, str], _Alert]) -> Iterator[Change]:
    for key in sorted({*before, *after}):
        old, new = before.get(key) or before.get((key[0], "")), after.get(key) or after.get((key[0], ""))
        if old is None and new is not None:
            yield Change("alert", new.title, Action.GAINED, new.rule.get("labels", {}).get("severity", ""), new.path)
        elif new is None and old is not None:
            yield Change("alert", old.title, Action.LOST, old.rule.get("labels", {}).get("severity", ""), old.path)
        elif old is not None and new is not None:
            yield from _difference(old, new, key[1])


def _difference(old: _Alert, new: _Alert, service: str) -> Iterator[Change]:
    title = f"{new.name} for {service}" if service else new.name
    differences = [*_expr(old.expr, new.expr), *held_change(old.rule, new.rule), *severity_change(old.rule, new.rule)]
    if differences:
        actions = {action for action, _ in differences}
        action = actions.pop() if len(actions) == 1 else Action.CHANGED
        yield Change("alert", title, action, ", ".join(detail for _, detail in differences), new.path)
    elif old.rule.get("annotations") != new.rule.get("annotations"):
        yield Change("alert", title, Action.CHANGED, "texts or links", new.path)
    elif (there := _at_engine(new.path)) != _at_engine(old.path):
        where = "by the long-term engine" if there else "on the shard of each service"
        yield Change("alert", title, Action.CHANGED, f"evaluated {where} from now on", new.path)


def _at_engine(path: str) -> bool:
    return path.startswith(f"{layout.ENGINE_RULES}/")


def held_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[Action, str]]:
    """How the time differs for which the condition of a rule must hold."""
    before, after = old.get("for", "0s"), new.get("for", "0s")
    if before != after:
        longer = seconds(after) > seconds(before)
        yield Action.LOOSENED if longer else Action.TIGHTENED, f"for {before} -> {after}"


def severity_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[Action, str]]:
    """How the severity of a rule differs."""
    before, after = (rule.get("labels", {}).get("severity", "") for rule in (old, new))
    if before != after:
        known = before in SEVERITIES and after in SEVERITIES
        looser = known and SEVERITIES.index(after) > SEVERITIES.index(before)
        action = (Action.LOOSENED if looser else Action.TIGHTENED) if known else Action.CHANGED
        yield action, f"severity {before} -> {after}"


def _expr(old: str, new: str) -> Iterator[tuple[Action, str]]:
    """How an expression differs: moved thresholds, or simply another expression."""
    before, after = significant(tokenize(old)), significant(tokenize(new))
    if [token.text for token in before] == [token.text for token in after]:
        return
    pairs = list(zip(before, after, strict=False))
    if len(before) != len(after) or any(a.text != b.text and not _movable(a, b) for a, b in pairs):
        yield Action.CHANGED, "another expression"
        return
    seen = set()
    for index, (a, b) in enumerate(pairs):
        if a.text != b.text and (a.text, b.text) not in seen:
            seen.add((a.text, b.text))
            yield _moved(before, index, b)


def _movable(a: Token, b: Token) -> bool:
    """Numbers and durations may differ, and the names of recorded series, which carry the window."""
    if a.kind is b.kind and a.kind in (TokenKind.NUMBER, TokenKind.DURATION):
        return True
    return ":" in a.text and ":" in b.text and re.sub(r"\d+[smhdw]", "", a.text) == re.sub(r"\d+[smhdw]", "", b.text)


def _moved(before: list[Token], index: int, new: Token) -> tuple[Action, str]:
    old = before[index]
    if old.kind is not TokenKind.NUMBER:
        return Action.CHANGED, f"{old.text} -> {new.text}"
    comparator = _comparator(before, index)
    if not comparator:
        return Action.CHANGED, f"{old.text} -> {new.text}"
    grew = float(new.text) > float(old.text)
    action = Action.LOOSENED if grew is _MORE_IS_LOOSER[comparator] else Action.TIGHTENED
    return action, f"threshold {comparator} {old.text} -> {new.text}"


def _comparator(tokens: list[Token], index: int) -> str:
    """The operator that compares the rest of the expression with a number; empty where it is part of arithmetic."""
    earlier = tokens[index - 1].text if index else ""
    later = tokens[index + 1].text if index + 1 < len(tokens) else ""
    if earlier in _MORE_IS_LOOSER and later not in _ARITHMETIC:
        return earlier
    if later in _MIRRORED and earlier not in _ARITHMETIC:
        return _MIRRORED[later]
    return ""


def _read_records(files: Mapping[str, Any]) -> dict[tuple[str, str], tuple[str, str]]:
    found = {}
    for path, rule in _rules(files):
        if "record" in rule and rule["record"] not in (EXPECTED, SHARD_SEEN):
            labels = rule.get("labels", {})
            of = " ".join(labels[key] for key in ("service", "slo") if key in labels)
            found[rule["record"], of] = (f"{rule['expr']} {sorted(labels.items())}", path)
    return found


def _records(before: Mapping[Any, tuple[str, str]], after: Mapping[Any, tuple[str, str]]) -> Iterator[Change]:
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old != new:
            action = Action.GAINED if old is None else Action.LOST if new is None else Action.CHANGED
            yield Change("recording rule", " ".join(filter(None, key)), action, "", (new or old or ("", ""))[1])
