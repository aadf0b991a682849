"""The suite of renderers: a right one passes, and for each test there is a wrong one that fails in this test alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sdk.testing.conformance import failed, install, made, names_of_tests, outcomes
from sdk.testing.unsteady import Eager, Home
from tapewatch_sdk.plugins import File, Request
from tapewatch_sdk.testing import RendererSuite

PATH = "provisioning/acme/services.txt"


def renderer(render: Callable[[Any, Request], Iterable[Any]] | None = None, **attributes: Any) -> type[Any]:
    return made(**{"render": render or right, **attributes})


def right(self: Any, request: Request) -> Iterator[File]:
    yield File(PATH, "".join(f"{name}\n" for name in sorted(request.catalogue.services)))


def writes(path: str = PATH, text: str = "x\n") -> type[Any]:
    return renderer(lambda self, request: [File(path, text)])


def counts(self: Any, request: Request) -> Iterator[File]:
    self.calls = getattr(self, "calls", 0) + 1
    yield File(PATH, f"{self.calls}\n")


def keeps_the_order(self: Any, request: Request) -> Iterator[File]:
    yield File(PATH, "".join(f"{name}\n" for name in request.catalogue.services))


def reads_the_catalogue(self: Any, request: Request) -> Iterator[File]:
    with suppress(OSError):
        Path("catalogue.yaml").read_text()
    yield File(PATH, "x\n")


def spoils_a_dashboard(self: Any, request: Request) -> Iterator[File]:
    model: Any = request.dashboards[0].model if request.dashboards else {}
    model["title"] = "mine"
    yield File(PATH, "x\n")


def needs_a_service(self: Any, request: Request) -> Iterator[File]:
    yield File(PATH, f"{min(request.catalogue.services)}\n")


def takes_names_for_words(self: Any, request: Request) -> Iterator[File]:
    for name in sorted(request.catalogue.services):
        assert name[0].isalpha()
    yield File(PATH, "x\n")


def makes_a_folder(self: Any, request: Request) -> list[File]:
    Path("new").mkdir()
    return []


WRONG = {
    "test_it_keeps_the_contract_of_its_kind": renderer(api_version=2),
    "test_its_docstring_says_what_it_adds": renderer(__doc__=""),
    "test_it_answers_for_the_catalogue": renderer(lambda self, request: ["provisioning/acme.txt"]),
    "test_the_same_request_gets_the_same_bytes": renderer(counts),
    "test_the_order_of_the_services_does_not_matter": renderer(keeps_the_order),
    "test_it_touches_neither_disk_nor_network": renderer(reads_the_catalogue),
    "test_it_leaves_the_request_as_it_was": renderer(spoils_a_dashboard),
    "test_it_survives_a_catalogue_without_services": renderer(needs_a_service),
    "test_it_survives_odd_names_and_texts": renderer(takes_names_for_words),
    "test_its_paths_stay_inside_the_project": writes("provisioning/../../etc/passwd"),
    "test_its_paths_are_not_the_users_own": writes(".tapewatch/state"),
    "test_no_path_is_written_twice": renderer(lambda self, request: [File(PATH, "x\n"), File(PATH.upper(), "y\n")]),
    "test_its_text_can_be_written_on_any_machine": writes(text="one\r\ntwo\n"),
    "test_every_file_ends_with_a_line_end": writes(text="one"),
    "test_no_other_renderer_writes_its_files": writes("provisioning/prometheus/prometheus.yml"),
}
INSTALLED = {
    "test_it_is_installed_under_its_own_name": renderer(),
    "test_another_process_gets_the_same_bytes": Home,
    "test_making_it_touches_nothing": Eager,
}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = "sdk.testing.unsteady"
    points = {"tapewatch.renderers": {"home": f"{here}:Home", "eager": f"{here}:Eager"}}
    monkeypatch.syspath_prepend(str(install(tmp_path / "site", points)))


def test_every_test_of_the_suite_has_a_renderer_that_fails_in_it() -> None:
    assert {*WRONG, *INSTALLED} == names_of_tests(RendererSuite)


def test_a_right_renderer_passes() -> None:
    found = outcomes(RendererSuite, renderer())

    assert failed(found) == {}
    assert len([text for text in found.values() if text == "passed"]) == len(WRONG)


@pytest.mark.parametrize("test", WRONG)
def test_a_wrong_renderer_fails_in_one_test_alone(test: str) -> None:
    found = failed(outcomes(RendererSuite, WRONG[test]))

    assert list(found) == [test]
    assert "must hold: " in found[test]
    assert "fix: " in found[test]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("test", INSTALLED)
def test_an_installed_renderer_that_is_wrong_fails_in_one_test_alone(test: str) -> None:
    found = failed(outcomes(RendererSuite, INSTALLED[test], installed=True))

    assert list(found) == [test]
    assert "must hold: " in found[test]


@pytest.mark.parametrize("path", ["/etc/x", "a/../b", "./a", "a//b", "a/", "C:/x", "a\\b", ""])
def test_no_path_leads_out_or_is_written_oddly(path: str) -> None:
    test = "test_its_paths_stay_inside_the_project"

    assert test in failed(outcomes(RendererSuite, writes(path), test))


@pytest.mark.parametrize("path", ["catalogue.yaml", "docker-compose.override.yml", ".git/hooks/pre-commit"])
def test_what_the_user_writes_is_left_to_the_user(path: str) -> None:
    test = "test_its_paths_are_not_the_users_own"

    assert test in failed(outcomes(RendererSuite, writes(path), test))


@pytest.mark.parametrize("text", ["\ud800\n", "a\0b\n"])
def test_text_that_is_no_text_is_found(text: str) -> None:
    test = "test_its_text_can_be_written_on_any_machine"

    assert test in failed(outcomes(RendererSuite, writes(text=text), test))


@pytest.mark.parametrize(
    "render",
    [
        lambda self, request: Path("out.txt").write_text("x") and [],
        makes_a_folder,
        lambda self, request: __import__("subprocess").run(["true"], check=False) and [],
        lambda self, request: __import__("socket").socket().connect_ex(("127.0.0.1", 1)) and [],
    ],
)
def test_whatever_touches_the_world_is_found(render: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    once = renderer(lambda self, request: render(self, request) if any_left(tmp_path) else [])

    test = "test_it_touches_neither_disk_nor_network"
    assert test in failed(outcomes(RendererSuite, once, test))


def any_left(folder: Path) -> bool:
    for each in folder.iterdir():
        each.rmdir() if each.is_dir() else each.unlink()
    return True


def test_a_failure_says_where_two_answers_begin_to_differ() -> None:
    test = "test_the_same_request_gets_the_same_bytes"
    found = failed(outcomes(RendererSuite, renderer(counts), test))[test]

    assert json.dumps("1\n")[1:-1] in found.replace("\\\\", "\\")
