"""Getting images from real registries: one that has them, one that has not, one that never answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stack.running.small_stack import Stack, image
from support.registry import serve_registry
from tapewatch.running import images
from tapewatch.running.images import fetch, present
from tapewatch.running.project import ComposeProject, Service

pytestmark = pytest.mark.needs("docker", "compose")


@pytest.fixture
def project(tmp_path: Path) -> ComposeProject:
    made = Stack(tmp_path)
    made.write_services()
    return made.project


def services(*names: str) -> list[Service]:
    return [Service(f"service-{number}", name) for number, name in enumerate(names)]


@contextmanager
def silent_registry() -> Iterator[tuple[str, list[socket.socket]]]:
    """Takes connections and never says a word; gives its address and the connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}", taken
        server.shutdown(socket.SHUT_RDWR)
    for connection in taken:
        connection.close()


def test_a_registry_that_lacks_an_image_is_asked_for_the_others_all_the_same(project: ComposeProject) -> None:
    with serve_registry() as registry:
        registry.add("tests/there", "1")
        there, absent = f"{registry.address}/tests/there:1", f"{registry.address}/tests/absent:1"
        try:
            reasons = fetch(project, services(absent, there), lambda *_: None)
            here = present(project.docker, [there, absent])
        finally:
            Stack.remove_image(there)

    assert set(reasons) == {absent}
    assert reasons[absent].startswith("it cannot be pulled: ")
    assert set(here) == {there}


def test_from_a_registry_that_never_answers_nothing_more_is_asked(
    project: ComposeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "SILENCE", 2.0)
    told: list[tuple[str, str]] = []
    with silent_registry() as (address, _):
        names = [f"{address}/tests/image-{number}:1" for number in range(images.AT_ONCE + 3)]

        reasons = fetch(project, services(*names), lambda *each: told.append(each))

    assert set(reasons) == set(names)
    assert set(reasons.values()) == {"the registry does not answer: no answer within 2 s"}
    assert len(told) == images.AT_ONCE, "those that waited their turn were asked for too"


def test_a_registry_that_is_not_there_does_not_hide_one_that_is(project: ComposeProject) -> None:
    with serve_registry() as registry:
        registry.add("tests/there", "2")
        there, lost = f"{registry.address}/tests/there:2", "tapewatch.invalid/tests/lost:1"
        try:
            reasons = fetch(project, services(lost, there), lambda *_: None)
        finally:
            Stack.remove_image(there)

    assert set(reasons) == {lost}
    assert reasons[lost].startswith("the registry does not answer: ")


@pytest.mark.needs("images")
def test_what_the_file_builds_is_built_and_a_build_that_fails_says_why(tmp_path: Path) -> None:
    made = Stack(tmp_path)
    base = image("prometheus")
    made.write("good/Dockerfile", f"FROM {base}\nLABEL tests=1\n")
    made.write("bad/Dockerfile", f"FROM {base}\nCOPY nothing-of-that-name /\n")
    good, bad = f"tapewatch-tests/good:{made.name}", f"tapewatch-tests/bad:{made.name}"
    made.write_services(good={"build": "good", "image": good}, bad={"build": "bad", "image": bad})
    project = made.project
    try:
        reasons = fetch(project, [project.services["good"], project.services["bad"]], lambda *_: None)
        here = present(project.docker, [good, bad])
    finally:
        Stack.remove_image(good)

    assert set(here) == {good}
    assert set(reasons) == {bad}
    assert "nothing-of-that-name" in reasons[bad]


@pytest.mark.needs("images")
def test_images_that_are_here_are_found_with_and_without_others_missing(project: ComposeProject) -> None:
    names = [image("prometheus"), image("alertmanager")]

    assert set(present(project.docker, names)) == set(names)
    assert set(present(project.docker, [*names, "tapewatch.invalid/a:1"])) == set(names)
    assert present(project.docker, []) == {}
