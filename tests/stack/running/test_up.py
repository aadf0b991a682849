"""`tapewatch up` and `down`, with real containers."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable

import pytest

from stack.running.small_stack import Running, Stack, flat, healthy_when, image
from support.registry import serve_registry
from support.waiting import wait_for
from tapewatch.running.clients import Server
from tapewatch.running.containers import containers
from tapewatch_sdk.errors import ToolError

pytestmark = pytest.mark.needs("docker", "compose", "images")

NOBODY = "tapewatch.invalid/nobody/has:1"
"""An image of a registry whose name does not resolve anywhere."""


def answers(server: Server) -> bool:
    try:
        return bool(server.get("/-/ready"))
    except ToolError:
        return False


def test_up_ends_when_all_is_healthy_and_shows_versions_and_addresses(running: Running) -> None:
    done, prometheus = running.up, running.stack.prometheus

    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("prometheus"))
    assert line.split()[1] == "healthy"
    assert prometheus.version() in line
    assert line.endswith(prometheus.url)
    assert "the stack is up: 2 services" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_up_tells_each_step_of_each_service(running: Running) -> None:
    steps = [tuple(line.split()[:2]) for line in running.up.stderr.splitlines()]

    assert steps.index(("alertmanager", "healthy")) <= steps.index(("prometheus", "healthy"))
    assert steps[-1] == ("prometheus", "healthy")


def test_up_leaves_alone_what_runs_and_fits_the_file(running: Running) -> None:
    before = containers(running.stack.project)

    assert running.stack.run("up").returncode == 0

    after = containers(running.stack.project)
    assert {name: each.id for name, each in after.items()} == {name: each.id for name, each in before.items()}


def test_a_port_that_another_container_has_names_that_container(running: Running) -> None:
    other = Stack(running.stack.folder, ports=running.stack.ports)
    try:
        done = other.run("up")
    finally:
        other.remove()

    assert done.returncode == 2
    assert f"the container {running.stack.name}-prometheus-1 listens there already" in flat(done.stderr)


def test_down_removes_all_but_the_data_and_with_volumes_that_too(stack: Stack) -> None:
    stack.run("up")

    kept = stack.run("down")
    assert kept.returncode == 0
    assert f"the stack {stack.name} is down, its data stays" in kept.stdout
    assert (stack.names("container"), stack.names("network")) == ([], [])
    assert len(stack.names("volume")) == 1

    gone = stack.run("down", "--volumes")
    assert gone.returncode == 0
    assert "lost with the volume metrics" in gone.stderr
    assert stack.names("volume") == []


def test_at_a_terminal_data_is_not_removed_without_a_yes(stack: Stack) -> None:
    stack.run("up")

    refused = stack.run_at_terminal("down", "--volumes")
    left = stack.names("volume")
    agreed = stack.run_at_terminal("down", "--volumes", "--yes")

    assert refused.returncode == 2
    assert "error[compose/volumes]" in refused.stderr
    assert len(left) == 1
    assert agreed.returncode == 0
    assert (stack.names("volume"), stack.names("container")) == ([], [])


def test_a_service_without_an_image_is_left_out_with_those_that_need_it_and_the_rest_starts(stack: Stack) -> None:
    needs = {"absent": {"condition": "service_started"}}
    stack.write_services(absent={"image": NOBODY}, follower={"image": image("prometheus"), "depends_on": needs})

    done = stack.run("up")

    assert done.returncode == 0, done.stderr
    assert f"absent is left out: its image {NOBODY} is not here; the registry does not answer" in flat(done.stderr)
    assert "follower is left out: it needs absent" in flat(done.stderr)
    assert "the stack is up: 2 services, 2 services left out" in done.stdout
    assert set(containers(stack.project)) == {"prometheus", "alertmanager"}


def test_with_no_image_at_all_there_is_nothing_to_start(stack: Stack) -> None:
    stack.write_services(prometheus=None, alertmanager={"image": NOBODY})

    done = stack.run("up", "--no-pull")

    assert done.returncode == 2
    assert "error[compose/nothing-to-start]" in done.stderr
    assert stack.names("container") == []


def test_an_image_that_a_registry_has_is_pulled(stack: Stack) -> None:
    with serve_registry() as registry:
        registry.add("tests/hello", stack.name)
        name = f"{registry.address}/tests/hello:{stack.name}"
        # It holds no program, so its container cannot start; that it got so far shows that the image came.
        stack.write_services(prometheus=None, hello={"image": name, "command": ["/hello"]})
        try:
            done = stack.run("up")
        finally:
            stack.remove()
            stack.remove_image(name)

    assert f"/v2/tests/hello/manifests/{stack.name}" in registry.asked()
    assert ["hello", "pulling"] in [line.split()[:2] for line in done.stderr.splitlines()]
    assert done.returncode == 1
    assert "hello was not started" in done.stderr


def test_an_unhealthy_service_is_named_with_its_reason_and_the_rest_is_up(stack: Stack) -> None:
    needs = {"alertmanager": {"condition": "service_healthy"}}
    stack.write_services(
        alertmanager={"healthcheck": healthy_when("9093/nothing-is-here")},
        prometheus={"depends_on": {}},
        follower={"image": image("prometheus"), "depends_on": needs},
    )

    done = stack.run("up")

    assert done.returncode == 1
    said = flat(done.stderr)
    assert "alertmanager did not get healthy: its health check says: wget: server returned error: HTTP/1.1 404" in said
    assert "the end of the log of alertmanager:" in said
    assert "follower was not started: it waits for alertmanager" in said
    assert "prometheus healthy" in flat(done.stdout)
    assert "the stack is up" not in done.stdout


def test_a_service_that_ends_is_named_with_its_exit_code_and_its_words(stack: Stack) -> None:
    stack.write_services(prometheus={"command": ["--no-such-flag"], "restart": "unless-stopped"})

    done = stack.run("up")

    assert done.returncode == 1
    assert "prometheus ended with code" in flat(done.stderr)
    assert "unknown long flag '--no-such-flag'" in flat(done.stderr)
    assert "alertmanager healthy" in flat(done.stdout)


def test_a_service_that_takes_too_much_memory_is_named_so(stack: Stack) -> None:
    stack.write_services(
        prometheus={"entrypoint": ["sh", "-c", "x=$$(cat /dev/zero | tr '\\0' x)"], "mem_limit": "16m", "command": []}
    )

    done = stack.run("up")

    assert done.returncode == 1
    assert "it used more memory than it may" in flat(done.stderr)


def test_one_that_is_not_healthy_in_time_is_named_so(stack: Stack) -> None:
    slow = {**healthy_when("9093/nothing-is-here"), "retries": 1000}
    stack.write_services(alertmanager={"healthcheck": slow})

    done = stack.run("up", "--timeout", "15")

    assert done.returncode == 1
    assert "alertmanager did not get healthy within 15 s" in flat(done.stderr)
    assert "prometheus was not started: it waits for alertmanager" in flat(done.stderr)


def test_a_taken_port_is_named_with_its_service_before_anything_starts(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", stack.ports["prometheus"])):
        done = stack.run("up")

    assert done.returncode == 2
    assert f"prometheus cannot publish port {stack.ports['prometheus']}: another program listens" in flat(done.stderr)
    assert stack.names("container") == []


def test_a_mount_that_docker_refuses_is_told_with_dockers_reason(stack: Stack) -> None:
    absent = {"type": "bind", "source": "./absent", "target": "/x", "bind": {"create_host_path": False}}
    stack.write_services(alertmanager={"volumes": [absent]}, prometheus=None)

    done = stack.run("up")

    assert done.returncode == 2
    assert "bind source path does not exist" in flat(done.stderr)


def test_interrupted_it_leaves_what_runs_and_says_how_to_go_on(stack: Stack) -> None:
    slow = {**healthy_when("9090/nothing-is-here"), "retries": 1000}
    stack.write_services(prometheus={"healthcheck": slow})
    up = stack.start("up")
    try:
        wait_for("Prometheus answers", lambda: answers(stack.prometheus), 60)
    finally:
        up.send_signal(signal.SIGINT)
        said, _ = up.communicate(timeout=60)

    assert up.returncode == 130
    assert "`tapewatch up` continues, `tapewatch down` ends it" in said
    assert answers(stack.prometheus)


def test_a_profile_brings_its_services_and_a_wrong_one_is_named(stack: Stack) -> None:
    stack.write_services(extra={"image": image("alertmanager"), "profiles": ["logs"], "tmpfs": ["/alertmanager"]})
    project = stack.project
    assert set(project.services) == {"alertmanager", "prometheus"}

    assert stack.run("up", "--profile", "log").returncode == 2
    done = stack.run("up", "--profile", "logs")

    assert done.returncode == 0, done.stderr
    assert "extra" in containers(stack.project)
    assert "extra" in [each["name"] for each in json.loads(stack.run("status", "--format", "json").stdout)["services"]]


def test_an_override_file_of_the_user_counts(stack: Stack, make_image: Callable[[str], str]) -> None:
    name = make_image(f"tapewatch-tests/other:{stack.name}")
    stack.write("docker-compose.override.yml", f"services: {{prometheus: {{image: '{name}'}}}}\n")

    done = stack.run("up")

    assert done.returncode == 0, done.stderr
    assert containers(stack.project)["prometheus"].name == f"{stack.name}-prometheus-1"
    assert f"{name} promises {stack.name}" in done.stdout
