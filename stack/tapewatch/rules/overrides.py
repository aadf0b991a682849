"""Holds the catalogue's alert parameters against the rules that they are meant for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tapewatch.catalogue import Catalogue, Loaded
from tapewatch.rules.model import AlertSpec
from tapewatch.rules.packs import LoadedPack
from tapewatch.rules.resolve import PUSHED_FAMILIES
from tapewatch.schema import nearest, seconds
from tapewatch_sdk.problems import Problem

__all__ = ["override_problems"]

_Path = tuple[str | int, ...]


def override_problems(loaded: Loaded, packs: Sequence[LoadedPack]) -> list[Problem]:
    """Unknown alerts, unknown parameters and values of the wrong kind, placed in the catalogue."""
    specs = {spec.alert: spec for each in packs for spec in each.pack.rules}
    return [
        problem
        for path, parameters in _overrides(loaded.catalogue)
        for problem in _problems(path, parameters, specs, loaded)
    ]


def _overrides(catalogue: Catalogue) -> Iterator[tuple[_Path, Mapping[str, float | str | bool]]]:
    for alert, parameters in catalogue.alerts.items():
        yield ("alerts", alert), parameters
    for name, service in catalogue.services.items():
        for alert, parameters in service.alerts.items():
            yield ("services", name, "alerts", alert), parameters


def _problems(
    path: _Path, parameters: Mapping[str, float | str | bool], specs: Mapping[str, AlertSpec], loaded: Loaded
) -> Iterator[Problem]:
    alert = str(path[-1])
    if alert not in specs:
        yield _unknown("alert", alert, specs, loaded, path, "catalogue/unknown-alert")
        return
    own = {name: each.unit for name, each in specs[alert].parameters.items() if name != PUSHED_FAMILIES}
    known = {"for": "duration", "enabled": "", **own}
    for name, value in parameters.items():
        at = (*path, name)
        if name not in known:
            yield _unknown(f"parameter of {alert}", name, known, loaded, at, "catalogue/unknown-parameter")
        elif wanted := _wanted(name, value, known[name]):
            yield Problem(
                code="catalogue/bad-parameter",
                summary=f"`{name}` of {alert} is {value!r}",
                must=f"`{name}` is {wanted}",
                fix=f"write {wanted}",
                where=loaded.document.place(at),
            )


def _wanted(name: str, value: float | str | bool, unit: str) -> str:
    """What a value should be; empty when it is that."""
    if name == "enabled":
        return "" if isinstance(value, bool) else "true or false"
    if unit == "duration":
        try:
            return "" if isinstance(value, str) and (seconds(value) > 0 or name == "for") else "a duration such as 5m"
        except ValueError:
            return "a duration such as 5m"
    return "a number" if isinstance(value, bool | str) else ""


def _unknown(what: str, word: str, known: Mapping[str, object], loaded: Loaded, path: _Path, code: str) -> Problem:
    near = nearest(word, known)
    return Problem(
        code=code,
        summary=f"unknown {what} `{word}`" + (f"; did you mean `{near}`?" if near else ""),
        must=f"one of {', '.join(known)}",
        fix=f"write `{near}`" if near else "remove it",
        where=loaded.document.place(path, key=True),
    )
