"""What is left out when images are missing, and which port is in the way."""

from __future__ import annotations

import pytest

from tapewatch.running.ports import clash_in
from tapewatch.running.project import Port, Service
from tapewatch.running.selection import dependents, left_out
from tapewatch_sdk.problems import Severity


def service(name: str, *needs: str, image: str = "", ports: tuple[Port, ...] = ()) -> Service:
    return Service(name, image or f"image-of-{name}", needs=dict.fromkeys(needs, "service_started"), ports=ports)


STACK = {
    each.name: each
    for each in (
        service("base"),
        service("store", "base"),
        service("view", "store"),
        service("alone"),
        service("twin", image="image-of-base"),
    )
}


def test_with_all_images_nothing_is_left_out() -> None:
    assert left_out(STACK, {}) == {}


def test_a_missing_image_takes_with_it_what_has_it_and_what_needs_that() -> None:
    problems = left_out(STACK, {"image-of-base": "nobody has it"})

    assert {name: problem.code for name, problem in problems.items()} == {
        "base": "compose/no-image",
        "twin": "compose/no-image",
        "store": "compose/needs",
        "view": "compose/needs",
    }
    assert "nobody has it" in problems["base"].summary
    assert {problem.severity for problem in problems.values()} == {Severity.WARNING}


def test_what_depends_on_something_is_told_with_its_own_need() -> None:
    assert dependents(STACK, {"base"}) == {"store": "base", "view": "store"}


def test_services_that_need_each_other_in_a_circle_do_not_hang_it() -> None:
    circle = {"a": service("a", "b"), "b": service("b", "a"), "c": service("c", "b")}

    assert dependents(circle, {"c"}) == {}
    assert dependents(circle, {"a"}) == {"b": "a", "c": "b"}


@pytest.mark.parametrize(
    "said",
    [
        "Error response from daemon: driver failed programming external connectivity on endpoint x-store-1 (0a1b): "
        "Bind for 127.0.0.1:9090 failed: port is already allocated",
        "Error starting userland proxy: listen tcp4 127.0.0.1:9090: bind: address already in use",
        "failed to bind host port for 127.0.0.1:9090:172.17.0.2:9090/tcp: address already in use",
        "Error starting userland proxy: listen tcp6 [::1]:9090: bind: address already in use",
    ],
)
def test_a_port_that_was_taken_in_the_last_moment_is_read_from_dockers_words(said: str) -> None:
    store = service("store", ports=(Port("127.0.0.1", "9090", 9090),))

    problem = clash_in(said, [service("base"), store])

    assert problem is not None
    assert problem.summary.startswith("store cannot publish port 9090")


def test_any_other_failure_is_no_taken_port() -> None:
    assert clash_in("Error response from daemon: no such image: a:9090", STACK.values()) is None


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("prom/prometheus:v3.13.5", "3.13.5"),
        ("registry.example:5000/a/b:2.0", "2.0"),
        ("registry.example:5000/a/b", ""),
        ("a/b:1.2@sha256:00", "1.2"),
    ],
)
def test_the_pinned_version_is_the_images_tag(image: str, version: str) -> None:
    assert Service("x", image).pinned == version
