"""The suite of checks: a right one passes, and for each test there is a wrong one that fails in this test alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from docs.codes import source_codes
from sdk.testing.conformance import failed, install, made, names_of_tests, outcomes
from sdk.testing.unsteady import EagerCheck, Home
from tapewatch_sdk.plugins import Request
from tapewatch_sdk.problems import Place, Problem, Severity
from tapewatch_sdk.testing import CheckSuite
from tapewatch_sdk.testing.check import RESERVED

PLACE = Place(path="services.api")


def finding(
    code: str = "acme/single", must: str = "two targets", where: Place = PLACE, severity: Severity = Severity.WARNING
) -> Problem:
    return Problem(code, "one target", must, "add one", where, severity)


def check(run: Callable[[Any, Request], Iterable[Any]] | None = None, **attributes: Any) -> type[Any]:
    return made(**{"run": run or (lambda self, request: [finding()]), **attributes})


def finds(**more: Any) -> type[Any]:
    return check(lambda self, request: [finding(**more)])


def counts(self: Any, request: Request) -> Iterator[Problem]:
    self.calls = getattr(self, "calls", 0) + 1
    yield finding(must=str(self.calls))


def reads_the_catalogue(self: Any, request: Request) -> Iterator[Problem]:
    Path("catalogue.yaml").write_text("mine")
    yield finding()


def spoils_the_catalogue(self: Any, request: Request) -> Iterator[Problem]:
    services: Any = request.catalogue.services
    services.pop("api", None)
    yield finding()


def takes_names_for_words(self: Any, request: Request) -> Iterator[Problem]:
    assert all(name[0].isalpha() for name in request.catalogue.services)
    yield finding()


WRONG = {
    "test_it_keeps_the_contract_of_its_kind": check(api_version=2),
    "test_its_docstring_says_what_it_adds": check(__doc__=""),
    "test_it_answers_for_the_catalogue": check(lambda self, request: ["one target"]),
    "test_the_same_request_gets_the_same_bytes": check(counts),
    "test_the_order_of_the_services_does_not_matter": check(
        lambda self, request: [finding(must=" ".join(request.catalogue.services) or "x")]
    ),
    "test_it_touches_neither_disk_nor_network": check(reads_the_catalogue),
    "test_it_leaves_the_request_as_it_was": check(spoils_the_catalogue),
    "test_it_survives_a_catalogue_without_services": check(
        lambda self, request: [finding(must=min(request.catalogue.services))]
    ),
    "test_it_survives_odd_names_and_texts": check(takes_names_for_words),
    "test_it_finds_what_it_is_for": check(lambda self, request: []),
    "test_it_says_nothing_of_what_is_right": finds(severity=Severity.ERROR),
    "test_every_code_is_its_own": finds(code="lineage/single"),
    "test_every_finding_says_what_must_hold_and_how_to_mend_it": finds(must=" "),
    "test_every_finding_has_a_place": finds(where=Place()),
}
INSTALLED = {
    "test_it_is_installed_under_its_own_name": check(),
    "test_another_process_gets_the_same_bytes": Home,
    "test_making_it_touches_nothing": EagerCheck,
}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = "sdk.testing.unsteady"
    points = {"tapewatch.checks": {"home": f"{here}:Home", "eager": f"{here}:EagerCheck"}}
    monkeypatch.syspath_prepend(str(install(tmp_path / "site", points)))


def test_every_test_of_the_suite_has_a_check_that_fails_in_it() -> None:
    assert {*WRONG, *INSTALLED} == names_of_tests(CheckSuite)


def test_a_right_check_passes() -> None:
    found = outcomes(CheckSuite, check())

    assert failed(found) == {}
    assert len([text for text in found.values() if text == "passed"]) == len(WRONG)


@pytest.mark.parametrize("test", WRONG)
def test_a_wrong_check_fails_in_one_test_alone(test: str) -> None:
    found = failed(outcomes(CheckSuite, WRONG[test]))

    assert list(found) == [test]
    assert "must hold: " in found[test]
    assert "fix: " in found[test]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("test", INSTALLED)
def test_an_installed_check_that_is_wrong_fails_in_one_test_alone(test: str) -> None:
    found = failed(outcomes(CheckSuite, INSTALLED[test], installed=True))

    assert list(found) == [test]
    assert "must hold: " in found[test]


def test_what_provoke_breaks_is_found() -> None:
    def provoke(self: CheckSuite, catalogue: dict[str, Any]) -> None:
        catalogue["services"]["api"]["team"] = "nobody"

    def run(self: Any, request: Request) -> Iterator[Problem]:
        if any(service.team == "nobody" for service in request.catalogue.services.values()):
            yield finding()

    assert failed(outcomes(CheckSuite, check(run), provoke=provoke)) == {}


@pytest.mark.parametrize("code", ["acme", "acme/", "Acme/one", "acme/two/three", "acme/one--two", ""])
def test_a_code_that_is_none_is_found(code: str) -> None:
    test = "test_every_code_is_its_own"

    assert test in failed(outcomes(CheckSuite, finds(code=code), test))


def test_no_code_of_tapewatch_is_left_to_others() -> None:
    areas = {code.partition("/")[0] for code in source_codes()[0]}

    assert areas - RESERVED == set(), "add the area to RESERVED in tapewatch_sdk/testing/check.py"
