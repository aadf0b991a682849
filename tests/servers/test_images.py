"""`make images`: what is pulled, what is made, what is left alone, and what is said when an image cannot be had.

Everything runs against the real docker engine. A registry on a free loopback port holds what can be pulled, and no
image of the catalogue is touched: the images here carry the registry's address before their name.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.parts import WITHOUT_STAND_IN
from support.registry import Registry, serve_registry
from support.waiting import wait_for
from tapewatch.servers import cache_folder

SCRIPTS = Path(__file__).parents[2] / "scripts"
STAND_IN = "io.tapewatch.stand-in"

pytestmark = pytest.mark.needs("docker", "debian", "node_exporter")


@dataclass
class Machine:
    """A machine with the real engine and the real programs, a catalogue of its own and a registry."""

    folder: Path
    registry: Registry

    @property
    def node(self) -> str:
        return f"{self.registry.address}/prom/node-exporter:v1.12.1"

    @property
    def grafana(self) -> str:
        return f"{self.registry.address}/grafana/grafana:13.2.3"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(SCRIPTS / "build_images.py"), *arguments]
        environment = {**os.environ, "TAPEWATCH_CACHE": str(self.cache), **variables}
        return subprocess.Popen(
            command,
            env=environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def images(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Exit code, and everything that was printed."""
        process = self.start(*arguments, **variables)
        printed, _ = process.communicate(timeout=120)
        return process.returncode, printed


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def inspected(name: str, what: str) -> str:
    """A field of an image, by docker's template language; empty when there is no such image."""
    command = ["docker", "image", "inspect", "--format", f"{{{{{what}}}}}", name]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with serve_registry() as registry:
        machine = Machine(tmp_path, registry)
        (tmp_path / "catalogue.yaml").write_text(
            f"stack: {{images: {{"
            f"node: {{image: {registry.address}/prom/node-exporter, version: v1.12.1, "
            f"module: github.com/prometheus/node_exporter@v1.12.1}}, "
            f"grafana: {{image: {registry.address}/grafana/grafana, version: 13.2.3}}}}}}\n",
            encoding="utf-8",
        )
        (machine.cache / "images").mkdir(parents=True)
        # The programs and the base are those that `make images` made; only images are made here.
        for program in cache_folder().glob("[a-z]*-*"):
            (machine.cache / program.name).symlink_to(program)
        for base in cache_folder().with_name("images").glob("busybox-*.tar"):
            (machine.cache / "images" / base.name).symlink_to(base)
        yield machine
        for name in (machine.node, machine.grafana):
            subprocess.run(["docker", "image", "rm", "--force", name], capture_output=True, check=False)


def test_a_stand_in_is_made_where_no_registry_answers_and_says_what_it_is(machine: Machine) -> None:
    machine.registry.stop()
    code, printed = machine.images("node")
    assert code == 0
    assert "made, a stand-in with node_exporter 1.12.1; the registry 127.0.0.1" in printed
    assert inspected(machine.node, f'index .Config.Labels "{STAND_IN}"') == "true"
    assert inspected(machine.node, 'index .Config.Labels "io.tapewatch.program"') == "node_exporter"


def test_the_label_tells_the_version_that_the_program_in_the_image_prints(machine: Machine) -> None:
    machine.images("node", "--no-pull")
    printed = docker("run", "--rm", "--network", "none", machine.node, "--version")
    label = inspected(machine.node, 'index .Config.Labels "io.tapewatch.version"')
    assert re.search(r"version (\S+)", printed)[1] == label == "1.12.1"  # type: ignore[index]


def test_a_second_run_changes_nothing(machine: Machine) -> None:
    machine.images("node", "--no-pull")
    first = inspected(machine.node, ".Id")
    code, printed = machine.images("node")
    assert (code, inspected(machine.node, ".Id")) == (0, first)
    assert "there already, a stand-in with node_exporter 1.12.1" in printed
    assert machine.registry.asked() == []


def test_the_same_inputs_give_the_same_layers(machine: Machine) -> None:
    machine.images("node", "--no-pull")
    first = inspected(machine.node, ".RootFS.Layers")
    docker("image", "rm", machine.node)
    machine.images("node", "--no-pull")
    assert inspected(machine.node, ".RootFS.Layers") == first


def test_a_stand_in_that_was_made_from_other_things_is_made_again(machine: Machine) -> None:
    machine.images("node", "--no-pull")
    first = inspected(machine.node, ".Id")
    old = machine.folder / "Dockerfile"
    old.write_text(f"FROM {machine.node}\nLABEL io.tapewatch.inputs=older\n", encoding="utf-8")
    docker("build", "--quiet", "--tag", machine.node, "--file", str(old), str(machine.cache / "images"))
    assert inspected(machine.node, ".Id") != first
    _, printed = machine.images("node", "--no-pull")
    assert "made, a stand-in" in printed
    assert inspected(machine.node, 'index .Config.Labels "io.tapewatch.inputs"') != "older"


def test_an_image_that_can_be_pulled_is_pulled(machine: Machine) -> None:
    machine.registry.add("grafana/grafana", "13.2.3")
    code, printed = machine.images("grafana")
    assert code == 0
    assert f"grafana ({machine.grafana}): pulled" in printed
    assert inspected(machine.grafana, ".Id")


def test_a_real_image_is_left_alone(machine: Machine) -> None:
    machine.registry.add("prom/node-exporter", "v1.12.1")
    docker("pull", machine.node)
    machine.registry.forget()
    first = inspected(machine.node, ".Id")
    code, printed = machine.images("node", "--pull")
    assert (code, inspected(machine.node, ".Id"), machine.registry.asked()) == (0, first, [])
    assert f"node ({machine.node}): there already\n" in printed


def test_a_real_image_takes_the_place_of_a_stand_in_when_asked_for(machine: Machine) -> None:
    machine.images("node", "--no-pull")
    machine.registry.add("prom/node-exporter", "v1.12.1")
    code, printed = machine.images("node", "--pull")
    assert code == 0
    assert "pulled" in printed
    assert inspected(machine.node, f'index .Config.Labels "{STAND_IN}"') == ""


def test_what_only_a_registry_has_is_named_with_the_reason_and_is_no_failure(machine: Machine) -> None:
    machine.registry.stop()
    code, printed = machine.images("grafana", "node")
    assert code == 0
    assert f"grafana ({machine.grafana}): NOT there: the registry {machine.registry.address} does not answer" in printed
    assert "so there is no stand-in" in printed
    assert "made, a stand-in with node_exporter" in printed


def test_an_image_that_its_registry_does_not_know_is_a_failure(machine: Machine) -> None:
    code, printed = machine.images("grafana")
    assert code == 1
    assert "NOT made: manifest unknown" in printed or "NOT made: manifest for" in printed


def test_a_registry_that_does_not_answer_is_asked_once(machine: Machine) -> None:
    machine.registry.break_down()
    machine.images("grafana")
    once = machine.registry.asked()
    machine.registry.forget()
    code, _ = machine.images("grafana", "node")
    assert code == 0
    assert machine.registry.asked() == once != []


def test_a_registry_that_stays_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)
    registries = importlib.import_module("_image_registry")
    monkeypatch.setattr(registries, "ANSWER_TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        reason = registries.Registries().pull(f"127.0.0.1:{mute.getsockname()[1]}/prom/prometheus:v3")
    assert "does not answer (nothing heard within" in reason


def test_an_interrupted_run_leaves_nothing_behind(machine: Machine) -> None:
    """Docker is held up just before it takes in the finished tar file, and the run is killed there."""
    real = shutil.which("docker")
    shim = machine.folder / "bin" / "docker"
    shim.parent.mkdir()
    shim.write_text(
        f'#!/bin/sh\n[ "$1" = import ] && touch {machine.folder}/importing && sleep 60\nexec {real} "$@"\n',
        encoding="utf-8",
    )
    shim.chmod(0o755)
    process = machine.start("node", "--no-pull", PATH=f"{shim.parent}:{os.environ['PATH']}")
    wait_for("docker is asked for the import", (machine.folder / "importing").exists, timeout=60)
    os.killpg(process.pid, 9)
    process.communicate()
    assert inspected(machine.node, ".Id") == ""
    assert machine.images("node", "--no-pull")[0] == 0
    assert inspected(machine.node, ".Id")
    assert list((machine.cache / "images").glob(".workshop-*")) == []


def test_a_component_that_is_not_in_the_catalogue_names_those_that_are(machine: Machine) -> None:
    code, printed = machine.images("loki")
    assert (code, printed) == (2, "images: loki is no component of stack.images; these are: node, grafana\n")


def test_a_machine_without_a_daemon_is_told_how_to_start_it(machine: Machine) -> None:
    code, printed = machine.images(DOCKER_HOST=f"unix://{machine.folder}/no.sock")
    assert code == 2
    assert "the docker daemon does not answer" in printed
    assert "systemctl start docker" in printed


def test_a_machine_without_docker_is_told_so(machine: Machine) -> None:
    code, printed = machine.images(PATH="/nowhere")
    assert code == 2
    assert "the program docker is not on PATH" in printed


@pytest.mark.needs("docker-compose")
def test_docker_compose_is_linked_where_docker_came_without_it(machine: Machine) -> None:
    config = machine.folder / "docker-config"
    alone = {**os.environ, "DOCKER_CONFIG": str(config)}
    command = ["docker", "compose", "version", "--short"]
    if subprocess.run(command, env=alone, capture_output=True, check=False).returncode == 0:
        pytest.skip("docker compose is installed for all users of this machine")
    code, printed = machine.images("--no-pull", DOCKER_CONFIG=str(config))
    assert code == 0
    assert f"linked {config}/cli-plugins/docker-compose to {machine.cache}/docker-compose-" in printed
    assert subprocess.run(command, env=alone, capture_output=True, check=False).returncode == 0


def test_the_tests_know_which_images_have_no_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)
    recipes = importlib.import_module("_image_recipes")
    assert tuple(recipes.WITHOUT_STAND_IN) == WITHOUT_STAND_IN
    assert not set(WITHOUT_STAND_IN) & set(recipes.RECIPES)
