"""`make servers`: what is made, what is left alone, and what is said when it cannot be made.

Here a small script stands in for Go, so that no compiler runs; that the true recipes make true programs is what
every test with `needs("prometheus")` and the like shows.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "build_servers.py"

CATALOGUE = """
stack:
  images:
    prometheus: {image: prom/prometheus, version: v3.13.5, module: github.com/prometheus/prometheus@v0.313.5}
    grafana: {image: grafana/grafana, version: 13.2.3}
    node-exporter: {image: prom/node-exporter, version: v1.12.1, module: github.com/prometheus/node_exporter@v1.12.1}
    jaeger: {image: jaegertracing/jaeger, version: 2.20.0, module: github.com/jaegertracing/jaeger@v1.76.0}
"""

# Answers `go mod download -json` with the folder of a module, and `go build ... -o FILE PACKAGE` with a program that
# prints the version which the linker flag -X set.
GO = """#!/bin/sh
echo "$@" >> "$GO_CALLS"
case "$1 $2" in
"mod download") echo "{\\"Dir\\": \\"$GO_MODULE\\"}" ;;
"build -trimpath")
    case "$7" in *"/${GO_FAILS:-none}") echo "undefined: quantile" >&2; exit 1 ;; esac
    [ -n "${GO_HANGS:-}" ] && exec sleep 60
    version=${5##*=}
    printf '#!/bin/sh\\necho program, version %s\\n' "$version" > "$7"
    chmod +x "$7" ;;
esac
"""


@dataclass
class Machine:
    """A machine with a stand-in for Go, a catalogue and an empty cache folder."""

    folder: Path

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def catalogue(self) -> Path:
        return self.folder / "catalogue.yaml"

    def go_calls(self) -> list[str]:
        calls = self.folder / "calls"
        return calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []

    def programs(self) -> list[str]:
        return sorted(str(path.relative_to(self.cache)) for path in self.cache.glob("[!.]*/*"))

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
            "TAPEWATCH_CACHE": str(self.cache),
            "GO_CALLS": str(self.folder / "calls"),
            "GO_MODULE": str(self.folder / "module"),
            **variables,
        }
        command = [sys.executable, str(SCRIPT), "--catalogue", str(self.catalogue), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, cwd=self.folder, stdout=pipe, stderr=pipe, text=True)

    def build(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Exit code, and everything that was printed."""
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=60)
        return process.returncode, out + err


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "catalogue.yaml").write_text(CATALOGUE, encoding="utf-8")
    module = tmp_path / "module"
    module.mkdir()
    (module / "go.mod").write_text("module m\n", encoding="utf-8")
    (module / "go.mod").chmod(0o444)
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(GO, encoding="utf-8")
    go.chmod(0o755)
    return Machine(tmp_path)


def test_everything_with_a_module_is_made_under_its_true_version(machine: Machine) -> None:
    code, printed = machine.build()
    assert (code, machine.programs()) == (
        0,
        [
            "jaeger-2.13.0/jaeger",
            "node_exporter-1.12.1/node_exporter",
            "prometheus-3.13.5/prometheus",
            "promtool-3.13.5/promtool",
        ],
    )
    assert "prometheus and promtool 3.13.5: made in" in printed


def test_the_linker_writes_the_version_into_the_program(machine: Machine) -> None:
    machine.build("jaeger")
    said = subprocess.run([machine.cache / "jaeger-2.13.0" / "jaeger"], capture_output=True, text=True, check=True)
    assert said.stdout == "program, version 2.13.0\n"


def test_a_second_run_does_nothing_within_a_second(machine: Machine) -> None:
    machine.build()
    calls = machine.go_calls()
    start = time.monotonic()
    code, printed = machine.build()
    assert time.monotonic() - start < 1
    assert (code, machine.go_calls()) == (0, calls)
    assert printed.count("there already") == 3


def test_only_the_named_component_is_made(machine: Machine) -> None:
    machine.build("node-exporter")
    assert machine.programs() == ["node_exporter-1.12.1/node_exporter"]


def test_another_pinned_version_is_made_beside_the_old_one(machine: Machine) -> None:
    machine.build("prometheus")
    machine.catalogue.write_text(CATALOGUE.replace("v0.313.5", "v0.315.0"), encoding="utf-8")
    machine.build("prometheus")
    assert "promtool-3.15.0/promtool" in machine.programs()
    assert "promtool-3.13.5/promtool" in machine.programs()


def test_an_interrupted_build_leaves_nothing_that_looks_finished(machine: Machine) -> None:
    process = machine.start("jaeger", GO_HANGS="1")
    while not any(call.startswith("build") for call in machine.go_calls()):
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert machine.programs() == []
    assert machine.build("jaeger")[0] == 0
    assert machine.programs() == ["jaeger-2.13.0/jaeger"]
    assert not list(machine.cache.glob(".workshop-*"))


def test_what_does_not_compile_is_named_with_the_reason_and_the_rest_is_made(machine: Machine) -> None:
    code, printed = machine.build(GO_FAILS="jaeger")
    assert code == 1
    assert "jaeger 2.13.0: NOT made" in printed
    assert "undefined: quantile" in printed
    assert "promtool-3.13.5/promtool" in machine.programs()


def test_a_machine_without_go_is_told_so(machine: Machine) -> None:
    (machine.folder / "bin" / "go").unlink()
    code, printed = machine.build("jaeger", PATH="/nowhere")
    assert code == 1
    assert "`go` is not on this machine" in printed


def test_a_component_that_is_not_pinned_names_those_that_are(machine: Machine) -> None:
    code, printed = machine.build("grafana")
    assert code == 2
    assert "grafana is not pinned with a Go module; these are: prometheus, node-exporter, jaeger" in printed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no mapping `stack.images`"),
        ("stack: [", "cannot read the pinned versions"),
        ("stack: {images: [a]}", "has no mapping `stack.images`"),
        ("stack: {images: {loki: {module: github.com/grafana/loki/v3}}}", "stack.images.loki.module is"),
        ("stack: {images: {x: {module: example.org/x@v1.0.0}}}", "no recipe to compile example.org/x (x)"),
        ("stack: {images: {p: {module: github.com/prometheus/prometheus@v3.13.5}}}", "look like v0.313.5"),
        ("stack: {images: {j: {module: github.com/jaegertracing/jaeger@v1.50.0}}}", "holds no Jaeger 2"),
    ],
)
def test_a_catalogue_that_cannot_be_used_is_said_and_nothing_is_made(machine: Machine, text: str, said: str) -> None:
    machine.catalogue.write_text(text, encoding="utf-8")
    code, printed = machine.build()
    assert (code, machine.go_calls()) == (2, [])
    assert said in printed
    assert "Traceback" not in printed


def test_a_missing_catalogue_is_said(machine: Machine) -> None:
    machine.catalogue.unlink()
    code, printed = machine.build()
    assert code == 2
    assert "cannot read the pinned versions" in printed
