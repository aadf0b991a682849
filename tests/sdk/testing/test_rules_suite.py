"""The suite of packs of rules: a right one passes, and for each test there is a wrong one that fails in it alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from docs.written import files_on
from sdk.testing.conformance import failed, install, made, names_of_tests, outcomes
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.plugins import API_VERSION
from tapewatch_sdk.problems import Problem
from tapewatch_sdk.testing import RulesSuite

PACK, RUNBOOK = "packs/signal.yaml", "runbooks/SignalBurst.md"
SHOWN = {name.removeprefix("acme_tapewatch/"): text for name, text in files_on("rules.md").items()}

pytestmark = pytest.mark.needs("promtool")


def changed(old: str, new: str, name: str = PACK) -> Mapping[str, str]:
    assert old in SHOWN[name]
    return {**SHOWN, name: SHOWN[name].replace(old, new)}


def without(name: str) -> Mapping[str, str]:
    return {other: text for other, text in SHOWN.items() if other != name}


WRONG: Mapping[str, Mapping[str, str]] = {
    "test_its_packs_can_be_read": changed("severity: high", "severity: dire"),
    "test_there_is_a_rule": {RUNBOOK: SHOWN[RUNBOOK]},
    "test_every_alert_has_its_runbook": without(RUNBOOK),
    "test_every_runbook_is_about_its_alert": {**SHOWN, RUNBOOK: "# TODO\n"},
    "test_no_other_pack_has_its_alerts_or_its_domain": changed("domain: signal", "domain: risk"),
    "test_every_query_passes_the_lineage_check": changed("strategy_signals_total", "strategy_signs_total"),
    "test_promtool_takes_the_rules": changed("Strategy {{ $labels.strategy }} of", "Strategy {{ $labels.strategy of"),
    "test_every_proof_passes_in_promtool": changed("at: 30s", "at: 25s"),
}
BARE: Mapping[str, Callable[[Path], type[Any]]] = {
    "test_it_keeps_the_contract_of_its_kind": lambda folder: made(folder=str(folder)),
    "test_its_docstring_says_what_it_adds": lambda folder: made(folder=folder, __doc__=""),
}


class Eager:
    """Looks around when it is made."""

    name = "eager"
    api_version = API_VERSION
    folder = Path(os.sep)

    def __init__(self) -> None:
        self.lines = list(os.scandir("."))


def write(files: Mapping[str, str], folder: Path) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_every_test_of_the_suite_has_a_pack_that_fails_in_it() -> None:
    others = {
        "test_it_is_installed_under_its_own_name",
        "test_making_it_touches_nothing",
        "test_every_damage_to_a_rule_is_noticed",
    }
    assert {*WRONG, *BARE, *others} == names_of_tests(RulesSuite)


def test_a_right_pack_passes_and_every_damage_to_it_is_noticed(tmp_path: Path) -> None:
    found = outcomes(RulesSuite, made(folder=write(SHOWN, tmp_path)), mutate=True)

    assert failed(found) == {}
    assert found["test_every_damage_to_a_rule_is_noticed"] == "passed"
    assert found["test_every_proof_passes_in_promtool"] == "passed"


@pytest.mark.parametrize("test", WRONG)
def test_a_wrong_pack_fails_in_one_test_alone(test: str, tmp_path: Path) -> None:
    found = failed(outcomes(RulesSuite, made(folder=write(WRONG[test], tmp_path))))

    assert list(found) == [test]
    assert "must hold: " in found[test]
    assert "fix: " in found[test]


@pytest.mark.parametrize("test", BARE)
def test_a_plugin_that_is_wrong_itself_fails_in_one_test_alone(test: str, tmp_path: Path) -> None:
    assert list(failed(outcomes(RulesSuite, BARE[test](write(SHOWN, tmp_path))))) == [test]


def test_a_damage_that_no_case_notices_is_found(tmp_path: Path) -> None:
    test = "test_every_damage_to_a_rule_is_noticed"
    first, rest = SHOWN[PACK].split("    - name: both sides and both instances count together\n")
    weaker = first + rest[rest.index("    - name: ") :]
    plugin = made(folder=write({**SHOWN, PACK: weaker}, tmp_path))

    assert list(failed(outcomes(RulesSuite, plugin, test, "test_every_proof_passes_in_promtool", mutate=True))) == [
        test
    ]


def test_a_pack_that_nobody_installed_is_found(tmp_path: Path) -> None:
    found = failed(outcomes(RulesSuite, made(folder=write(SHOWN, tmp_path)), installed=True))

    assert list(found) == ["test_it_is_installed_under_its_own_name"]


def test_one_that_looks_around_when_it_is_made_is_found() -> None:
    test = "test_making_it_touches_nothing"

    assert list(failed(outcomes(RulesSuite, Eager, test, installed=True))) == [test]


def test_the_alert_of_another_pack_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = install(tmp_path / "site", {"tapewatch.rules": {"other": "other_pack:Other"}}, "other")
    write({f"other_pack/{name}": text for name, text in SHOWN.items()}, site)
    code = "from pathlib import Path\nclass Other:\n    name = 'other'\n    api_version = 1\n"
    (site / "other_pack/__init__.py").write_text(f"{code}    folder = Path(__file__).parent\n")
    monkeypatch.syspath_prepend(str(site))
    test = "test_no_other_pack_has_its_alerts_or_its_domain"

    found = failed(outcomes(RulesSuite, made(folder=write(SHOWN, tmp_path / "own")), test))

    assert "SignalBurst" in found[test]


def test_without_promtool_its_tests_are_skipped_and_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise ToolError([Problem("tool/missing", "there is no promtool", fix="install it")])

    monkeypatch.setattr("tapewatch.proving.promtool.Promtool.find", missing)

    found = outcomes(RulesSuite, made(folder=write(SHOWN, tmp_path)))

    assert failed(found) == {}
    skipped = [name for name, text in found.items() if "promtool is missing: there is no promtool (install it)" in text]
    assert skipped == ["test_every_proof_passes_in_promtool", "test_promtool_takes_the_rules"]
