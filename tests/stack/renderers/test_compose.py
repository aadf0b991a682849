"""docker-compose.yml."""

from __future__ import annotations

import shutil
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread
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
    assert found.keys() == {"prepare", "platform", "api", *PARTS}
    pins = load_sample().stack.images
    for part in PARTS:
        pin = pins[part.replace("-", "_")]  # type: ignore[index]
        assert found[part]["image"] == f"{pin.image}:{pin.version}"


def test_everything_is_published_on_the_bind_address_alone() -> None:
    ports = [port for part in services(load_sample()).values() for port in part.get("ports", [])]
    assert "127.0.0.1:19093:9093" in ports
    assert "127.0.0.1:8000:8000" in ports
    assert len(ports) == 9
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
        for source, _ in mounted(part):
            folder = source.removeprefix("./")
            assert any(path.startswith(f"{folder}/") for path in written), f"{name} mounts {source}"


def mounted(part: dict[str, Any]) -> list[tuple[str, str]]:
    """Folders of the project that a part mounts, each with its place inside."""
    short = [volume.split(":") for volume in part.get("volumes", []) if isinstance(volume, str)]
    return [(volume[0], volume[1]) for volume in short if volume[0].startswith("./")]


def test_commands_name_files_that_the_renderers_write() -> None:
    written = {path for make in RENDERERS for path in render(make(), load_sample())}
    for name, part in services(load_sample()).items():
        for word in part.get("command", []):
            value = word.rpartition("=")[2]
            for source, target in mounted(part):
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


def test_no_health_check_asks_more_of_docker_than_it_has() -> None:
    """Compose refuses the whole file on Docker before 25 when a health check has a `start_interval`."""
    for name, part in services(load_sample()).items():
        assert "start_interval" not in part.get("healthcheck", {}), name


def test_every_part_that_stays_says_whether_it_is_healthy() -> None:
    silent = [name for name, part in services(load_sample()).items() if "healthcheck" not in part]
    assert silent == ["prepare"]


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_log_agent_is_healthy_when_it_says_so_and_only_then(status: int, code: int) -> None:
    class Ready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/-/ready" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            """Says nothing."""

    (word, *command) = services(load_sample())["alloy"]["healthcheck"]["test"]
    with HTTPServer(("127.0.0.1", 0), Ready) as server:
        Thread(target=server.handle_request, daemon=True).start()
        here = [part.replace("12345", str(server.server_port)) for part in command]
        assert word == "CMD"
        assert subprocess.run(here, check=False, timeout=20).returncode == code


def test_the_sample_platform_is_reached_under_each_services_name_and_by_nobody_outside() -> None:
    platform = services(load_sample())["platform"]
    assert platform["networks"]["default"]["aliases"] == [
        "execution-engine", "live-trading", "market-data", "position-tracker", "risk-manager", "signal-bridge",
    ]  # fmt: skip
    assert "ports" not in platform


def test_names_that_belong_to_somebody_else_are_not_taken() -> None:
    def addresses(data: dict[str, Any]) -> None:
        for name, address in (
            ("market-data", "feed.example.com:9091"),
            ("risk-manager", "10.0.0.7:9093"),
            ("live-trading", "host.docker.internal:9096"),
            ("api", "prometheus:8000"),
            ("signal-bridge", "[::1]:9094"),
        ):
            data["services"][name]["address"] = address

    platform = services(varied(addresses))["platform"]
    assert platform["networks"]["default"]["aliases"] == ["execution-engine", "position-tracker"]


def test_the_sample_platform_is_built_here_and_never_asked_for_at_a_registry() -> None:
    platform = services(load_sample())["platform"]
    assert (platform["build"], platform["pull_policy"]) == (".", "never")
    assert platform["image"] == f"tapewatch/tapewatch:{version('tapewatch')}"


def test_nothing_waits_for_the_sample_platform_and_it_waits_for_its_keys_alone() -> None:
    found = services(load_sample())
    assert found["platform"]["depends_on"].keys() == {"prepare"}
    assert not [name for name, part in found.items() if "platform" in part.get("depends_on", {})]


def test_the_history_keeps_its_file_in_a_volume_and_shows_its_key_to_its_callers_alone() -> None:
    found = services(load_sample())
    api = found["api"]
    assert {"--host", "0.0.0.0", "--api-key-file", "/run/tapewatch/history/api-key"} <= {*api["command"]}
    assert api["environment"]["DUCKDB_PATH"].startswith("/data/")
    assert "history:/data" in api["volumes"]
    with_key = {
        name for name, part in found.items() if any("history-key:" in str(each) for each in part.get("volumes", ()))
    }
    assert with_key == {"prepare", "alertmanager", "prometheus", "api", "platform"}
    assert found["platform"]["environment"]["TAPEWATCH_API_KEY_FILE"] == "/run/tapewatch/history/api-key"
    assert found["platform"]["command"][-2:] == ["--api-url", "http://api:8000"]


def test_without_a_history_its_stand_in_is_part_of_the_platform() -> None:
    found = services(varied(lambda data: data["stack"].pop("history")))
    assert "api" not in found
    assert "api" in found["platform"]["networks"]["default"]["aliases"]
    assert "--api-url" not in found["platform"]["command"]
    assert not any("history" in str(part.get("volumes")) for part in found.values())


def test_without_simulate_there_is_no_sample_platform() -> None:
    assert "platform" not in services(varied(lambda data: data["stack"].update(simulate=False)))


def test_a_platform_where_everything_pushes_has_no_names_and_no_health_check() -> None:
    def all_push(data: dict[str, Any]) -> None:
        for service in data["services"].values():
            service.pop("address", None)
            service["mode"] = "push"

    platform = services(varied(all_push))["platform"]
    assert platform.keys().isdisjoint({"networks", "healthcheck"})


def test_grafana_has_a_password_from_a_file_and_calls_nobody() -> None:
    settings = services(load_sample())["grafana"]["environment"]
    assert settings["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/tapewatch/grafana-password"
    assert settings["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert settings["GF_PLUGINS_PREINSTALL_AUTO_UPDATE"] == "false"
    assert not any("PASSWORD" in key and not key.endswith("__FILE") for key in settings)


def test_the_first_start_makes_a_password_and_the_next_one_keeps_it(tmp_path: Path) -> None:
    (shell, option, script) = services(load_sample())["prepare"]["entrypoint"]
    for name in ("badger", "history", "data"):
        (tmp_path / name).mkdir()
    here = script.replace("$$", "$").replace("/run/tapewatch", str(tmp_path)).replace(" /history", f" {tmp_path}/data")
    here = here.replace("/badger", str(tmp_path / "badger"))
    here = here.replace("chown", "echo")  # which an ordinary user may not do
    made = []
    for _ in range(2):
        subprocess.run([shell, option, here], check=True, capture_output=True)
        files = ("grafana-password", "history/api-key", "kill-switch/token")
        made.append([(tmp_path / name).read_text(encoding="utf-8").strip() for name in files])
    assert made[0] == made[1]
    assert {len(each) for each in made[0]} == {32}
    assert len({*made[0]}) == 3


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
