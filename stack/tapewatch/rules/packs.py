"""Reads packs of alert rules and refuses those that are not whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tapewatch import documents
from tapewatch.rules.model import AlertSpec, Case, Coverage, Pack
from tapewatch.rules.parameters import Value, evaluate, fill
from tapewatch.rules.proofs import target_of
from tapewatch.rules.resolve import EVALUATION_SECONDS, parameter_values
from tapewatch.rules.values import parse_values
from tapewatch.schema import problem_of, seconds
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Problem

__all__ = ["LoadedPack", "read_packs", "runbook_path"]

_ALWAYS: tuple[Coverage, ...] = ("no-traffic", "two-services")
_OF_COUNTERS: tuple[Coverage, ...] = ("first-increment", "reset", "long-running")


@dataclass(frozen=True, slots=True)
class LoadedPack:
    """A pack together with the document it was read from and the folder of its runbooks."""

    pack: Pack
    document: documents.Document
    runbooks: Path


def runbook_path(loaded: LoadedPack, alert: str) -> Path:
    """The Markdown page that belongs to an alert of this pack."""
    return loaded.runbooks / f"{alert}.md"


def read_packs(folder: Path) -> tuple[LoadedPack, ...]:
    """Every pack of a folder: `packs/*.yaml`, with runbooks in `runbooks/`.

    Raises:
        ProblemsError: with everything that is wrong in any of them.
    """
    loaded: list[LoadedPack] = []
    problems: list[Problem] = []
    for path in sorted((folder / "packs").glob("*.yaml")):
        try:
            each = _read(path, folder / "runbooks")
        except ProblemsError as error:
            problems += error.problems
        else:
            loaded.append(each)
            problems += _problems(each)
    problems += _twice(loaded)
    if problems:
        raise ProblemsError(problems)
    return tuple(loaded)


def _read(path: Path, runbooks: Path) -> LoadedPack:
    document = documents.read(path)
    try:
        return LoadedPack(Pack.model_validate(document.data), document, runbooks)
    except ValidationError as error:
        found = (problem_of(detail, document, Pack, "rules") for detail in error.errors(include_url=False))
        raise ProblemsError(dict.fromkeys(found)) from None


def _problems(loaded: LoadedPack) -> Iterator[Problem]:
    for index, spec in enumerate(loaded.pack.rules):
        path = ("rules", index)

        def problem(
            code: str, summary: str, must: str, fix: str, *at: str | int, path: Sequence[str | int] = path
        ) -> Problem:
            return Problem(f"rules/{code}", summary, must, fix, loaded.document.place((*path, *at)))

        if not runbook_path(loaded, spec.alert).is_file():
            yield problem(
                "no-runbook",
                f"{spec.alert} has no runbook",
                "each alert has a page that says what to do",
                f"write {runbook_path(loaded, spec.alert)}",
                "alert",
            )
        for name, at in _placeholders(spec):
            yield problem(
                "placeholder",
                f"{spec.alert}: {name}",
                "`${...}` names a parameter of the rule",
                "declare the parameter, or correct the name",
                *at,
            )
        covered = {each for case in spec.proof.cases for each in case.covers}
        wanted = _ALWAYS + (_OF_COUNTERS if "exact_increase" in _expressions(spec) else ())
        for lacking in (each for each in wanted if each not in covered):
            yield problem(
                "proof",
                f"the proof of {spec.alert} does not cover `{lacking}`",
                f"a proof covers {', '.join(wanted)}",
                f"add a case with `covers: [{lacking}]`",
                "proof",
            )
        if not any(case.fires for case in spec.proof.cases) or all(case.fires for case in spec.proof.cases):
            yield problem(
                "proof",
                f"the proof of {spec.alert} lacks a case",
                "a proof has a case that fires and a near miss",
                "add the one that is missing",
                "proof",
            )
        if not any(firing.until is not None for case in spec.proof.cases for firing in case.fires):
            yield problem(
                "proof",
                f"nothing shows that {spec.alert} resolves",
                "in one case the alert ends",
                "give `until`",
                "proof",
            )
        if not any(firing.says for case in spec.proof.cases for firing in case.fires):
            yield problem(
                "proof",
                f"nobody has read what {spec.alert} says",
                "one case gives the texts word for word",
                "give `says: {summary: ..., description: ...}`",
                "proof",
            )
        values = parameter_values(spec)
        for number, case in enumerate(spec.proof.cases):
            for text, at in _case_problems(case, values):
                yield problem(
                    "proof",
                    f"{spec.alert}, case `{case.name}`: {text}",
                    "a case can be played as it stands",
                    "correct it",
                    "proof",
                    "cases",
                    number,
                    *at,
                )


def _expressions(spec: AlertSpec) -> str:
    return " ".join([spec.expr, *(record.expr for record in spec.records)])


def _placeholders(spec: AlertSpec) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    values = parameter_values(spec)
    texts: list[tuple[str, tuple[str | int, ...]]] = [
        (getattr(spec, key), (key,)) for key in ("expr", "summary", "description", "action")
    ]
    for number, record in enumerate(spec.records):
        texts += [(record.record, ("records", number, "record")), (record.expr, ("records", number, "expr"))]
    for text, at in texts:
        try:
            fill(text, values)
        except ValueError as error:
            yield str(error), at


def _case_problems(case: Case, values: dict[str, Value]) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    for key, exposed in case.targets.items():
        for series, notation in exposed.items():
            try:
                fill(series, values)
                parse_values(fill(notation, values))
            except ValueError as error:
                yield str(error), ("targets", key, series)
    evaluation = seconds(case.evaluation or "0s") or EVALUATION_SECONDS
    for index, firing in enumerate(case.fires):
        if firing.target is not None and firing.target not in {target_of(key).service for key in case.targets}:
            yield f"`{firing.target}` is no service of the case", ("fires", index, "target")
        for key in ("at", "until"):
            if (given := getattr(firing, key)) is not None:
                try:
                    if evaluate(given, values) % evaluation:
                        yield f"`{key}` is no multiple of {evaluation:g}s", ("fires", index, key)
                except ValueError as error:
                    yield str(error), ("fires", index, key)
    if seconds(case.interval) == 0:
        yield "an interval of 0", ("interval",)


def _twice(loaded: Iterable[LoadedPack]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for each in loaded:
        for index, spec in enumerate(each.pack.rules):
            if spec.alert in first:
                yield Problem(
                    "rules/duplicate-alert",
                    f"{spec.alert} is already defined in {first[spec.alert]}",
                    "an alert is defined once",
                    "rename one of the two",
                    each.document.place(("rules", index, "alert")),
                )
            first.setdefault(spec.alert, each.document.name)
