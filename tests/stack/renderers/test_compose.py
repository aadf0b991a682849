"""docker-compose.yml."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.rendering import render, varied, write
from support.samples import load_sample
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.stack import PARTS
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.alloy import AlloyRenderer
from tapewatch.renderers.compose import ComposeRenderer
from tapewatch.renderers.grafana import GrafanaRenderer
from tapewatch.renderers.jaeger import JaegerRenderer
from tapewatch.renderers.loki import LokiRenderer
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch_sdk.plugins import Dashboard

RENDERERS = (
    PrometheusRenderer, AlertmanagerRenderer, GrafanaRenderer, LokiRenderer, JaegerRenderer, AlloyRenderer,
    ComposeRenderer,
)  # fmt: skip


def services(catalogue: Catalogue) -> dict[str, Any]:
    return dict(yaml.safe_load(render(ComposeRenderer(), catalogue)[layout.COMPOSE])["services"])


def test_every_part_runs_at_the_version_that_the_catalogue_pins() -> None:
    found = services(load_sample())
    assert found.keys() == {"prepare", *PARTS}
    pins = load_sample().stack.images
    for part in PARTS:
        pin = pins[part.replace("-", "_")]  # type: ignore[index]
        assert found[part]["image"] == f"{pin.image}:{pin.version}"


def test_everything_is_published_on_the_bind_address_alone() -> None:
    ports = [port for part in services(load_sample()).values() for port in part.get("ports", [])]
    assert "127.0.0.1:19093:9093" in ports
    assert len(ports) == 8
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_ports_and_bind_address_come_from_the_catalogue() -> None:
    catalogue = varied(lambda data: data["stack"].update(bind="::1", ports={"grafana": 3333}))
    assert services(catalogue)["grafana"]["ports"] == ["[::1]:3333:3000"]
    assert "--web.external-url=http://localhost:9090/" in services(catalogue)["prometheus"]["command"]


def test_every_part_is_hardened_and_bounded() -> None:
    for name, part in services(load_sample()).items():
        assert part["read_only"] is True, name
        assert part["cap_drop"] == ["ALL"], name
        assert part["security_opt"] == ["no-new-privileges:true"], name
        assert part["mem_limit"], name
        assert part["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name
        assert "privileged" not in part, name


def test_only_folders_that_the_renderers_fill_are_mounted() -> None:
    board = Dashboard("stack-health", "Stack", {"title": "Stack Health"})
    written = {path for make in RENDERERS for path in render(make(), load_sample(), [board])}
    for name, part in services(load_sample()).items():
        for source in (volume.split(":")[0] for volume in part.get("volumes", []) if volume.startswith("./")):
            folder = source.removeprefix("./")
            assert any(path.startswith(f"{folder}/") for path in written), f"{name} mounts {source}"


def test_commands_name_files_that_the_renderers_write() -> None:
    written = {path for make in RENDERERS for path in render(make(), load_sample())}
    for name, part in services(load_sample()).items():
        mounts = [volume.split(":") for volume in part.get("volumes", []) if volume.startswith("./")]
        for word in part.get("command", []):
            value = word.rpartition("=")[2]
            for source, target, _ in mounts:
                if value.startswith(f"{target}/"):
                    assert value.replace(target, source.removeprefix("./")) in written, f"{name}: {word}"


def test_prometheus_forgets_nothing_at_a_restart_and_takes_pushes() -> None:
    catalogue = varied(lambda data: data["stack"]["retention"].update(metrics="30d", metrics_size="50GB"))
    command = services(catalogue)["prometheus"]["command"]
    assert {
        "--rules.alert.for-grace-period=0s",
        "--web.enable-otlp-receiver",
        "--web.enable-remote-write-receiver",
        "--web.enable-lifecycle",
        "--enable-feature=exemplar-storage",
        "--storage.tsdb.retention.time=30d",
        "--storage.tsdb.retention.size=50GB",
    } <= set(command)


def test_parts_wait_for_parts_that_are_there_and_can_become_healthy() -> None:
    found = services(load_sample())
    for name, part in found.items():
        for other, how in part.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in found[other], f"{name} waits for {other}"


def test_grafana_has_a_password_from_a_file_and_calls_nobody() -> None:
    settings = services(load_sample())["grafana"]["environment"]
    assert settings["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/tapewatch/grafana-password"
    assert settings["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert settings["GF_PLUGINS_PREINSTALL_AUTO_UPDATE"] == "false"
    assert not any("PASSWORD" in key and not key.endswith("__FILE") for key in settings)


def test_the_first_start_makes_a_password_and_the_next_one_keeps_it(tmp_path: Path) -> None:
    (shell, option, script) = services(load_sample())["prepare"]["entrypoint"]
    (tmp_path / "badger").mkdir()
    here = (
        script.replace("$$", "$").replace("/run/tapewatch", str(tmp_path)).replace("/badger", str(tmp_path / "badger"))
    )
    here = here.replace("chown", "echo")  # which an ordinary user may not do
    passwords = []
    for _ in range(2):
        subprocess.run([shell, option, here], check=True, capture_output=True)
        passwords.append((tmp_path / "grafana-password").read_text(encoding="utf-8").strip())
    assert passwords[0] == passwords[1]
    assert len(passwords[0]) == 32


def test_the_log_agent_only_runs_when_it_is_asked_for() -> None:
    found = services(load_sample())
    assert found["alloy"]["profiles"] == ["logs"]
    assert [name for name, part in found.items() if "profiles" in part] == ["alloy"]


def compose_command() -> list[str]:
    docker = shutil.which("docker")
    if docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0:
        return [docker, "compose"]
    if standalone := shutil.which("docker-compose"):
        return [standalone]
    pytest.skip("needs docker compose: neither the docker plugin nor docker-compose is on PATH")


def test_docker_compose_accepts_the_file(tmp_path: Path) -> None:
    for name, catalogue in (("sample", load_sample()), ("v6", varied(lambda data: data["stack"].update(bind="::1")))):
        folder = write(render(ComposeRenderer(), catalogue), tmp_path / name)
        command = [*compose_command(), "-f", str(folder / layout.COMPOSE), "--profile", "logs", "config", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
