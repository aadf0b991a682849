"""Reloading a real Prometheus and a real Alertmanager, as plain processes; and what Grafana is asked."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stack.running.small_stack import ALERTMANAGER_CONFIG, PROMETHEUS_CONFIG, RULES, TARGETS
from support.servers import Server, start_alertmanager, start_prometheus
from tapewatch.running.clients import Alertmanager, Grafana, Prometheus
from tapewatch.running.freshness import alertmanager_hash
from tapewatch.running.live import differences
from tapewatch.running.reloading import reload_alertmanager, reload_grafana, reload_prometheus
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Problem


def write_files(folder: Path) -> Path:
    """Prometheus's configuration with its rules and targets."""
    for path, text in (
        ("rules/risk.yml", RULES),
        ("targets/services.yml", TARGETS),
        ("prometheus.yml", PROMETHEUS_CONFIG),
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder / "prometheus.yml"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_files(tmp_path / "files")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has loaded those files, for all that only look at it."""
    folder = tmp_path_factory.mktemp("loaded")
    config = write_files(folder)
    with start_prometheus(config, folder) as process:
        server = Prometheus(process.url)
        assert reload_prometheus(server, config) == "1 rules, 1 alerts"
        yield server


@pytest.fixture
def prometheus(config: Path, tmp_path: Path) -> Iterator[tuple[Prometheus, Server]]:
    with start_prometheus(config, tmp_path) as server:
        yield Prometheus(server.url), server


def problem_of(error: pytest.ExceptionInfo[ToolError]) -> Problem:
    (problem,) = error.value.problems
    return problem


@pytest.mark.needs("prometheus")
def test_a_loaded_configuration_differs_in_nothing_from_its_files(loaded: Prometheus, config: Path) -> None:
    assert differences(loaded, config) == []


@pytest.mark.needs("prometheus")
@pytest.mark.parametrize(
    ("path", "old", "new", "told"),
    [
        ("rules/risk.yml", "0.10", "0.11", "the rule LimitBreached (group risk of risk.yml) is loaded otherwise"),
        ("rules/risk.yml", "for: 1m", "for: 2m", "the rule LimitBreached (group risk of risk.yml) is loaded otherwise"),
        (
            "rules/risk.yml",
            "critical",
            "warning",
            "the rule LimitBreached (group risk of risk.yml) is loaded otherwise",
        ),
        (
            "rules/risk.yml",
            "a limit",
            "the limit",
            "the rule LimitBreached (group risk of risk.yml) is loaded otherwise",
        ),
        (
            "rules/risk.yml",
            "team: risk",
            "team: r",
            "the rule LimitBreached (group risk of risk.yml) is loaded otherwise",
        ),
        ("rules/risk.yml", "LimitBreached", "Other", "the rule Other (group risk of risk.yml) is not loaded"),
        ("targets/services.yml", "b:2", "c:3", "the target c:3 of job services is not there"),
        ("targets/services.yml", ", b:2", "", "the target b:2 of job services is still there"),
        ("prometheus.yml", "itself", "other", "the scrape job other is not there"),
    ],
)
def test_every_change_on_disk_is_a_difference(
    path: str, old: str, new: str, told: str, loaded: Prometheus, config: Path
) -> None:
    file = config.parent / path
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))

    assert told in differences(loaded, config)


@pytest.mark.needs("prometheus")
def test_the_way_in_which_an_expression_is_written_is_no_difference(loaded: Prometheus, config: Path) -> None:
    written = RULES.replace("sum by(service) (rate(", "sum  by ( service )(rate(").replace("5m", "300s")
    assert written != RULES
    (config.parent / "rules/risk.yml").write_text(written)

    assert differences(loaded, config) == []


@pytest.mark.needs("prometheus")
def test_without_promtool_it_is_prometheus_and_its_log_that_tell_what_is_wrong(
    prometheus: tuple[Prometheus, Server], config: Path
) -> None:
    server, process = prometheus
    (config.parent / "rules/risk.yml").write_text(RULES.replace("> 0.10", "> 0.2 >"))

    with pytest.raises(ToolError) as error:
        reload_prometheus(server, config, log=lambda: process.log_tail().splitlines())

    problem = problem_of(error)
    assert problem.code == "server/refused"
    assert "could not parse expression" in problem.summary
    assert problem.where.file.endswith("rules/risk.yml")
    assert problem.where.line == 6
    assert "> 0.2 >" in problem.where.excerpt
    assert "0.1" in server.rules()[0]["query"]


@pytest.mark.needs("prometheus")
def test_what_is_found_wrong_beforehand_is_not_even_tried(prometheus: tuple[Prometheus, Server], config: Path) -> None:
    server, _ = prometheus
    (config.parent / "rules/risk.yml").write_text(RULES.replace("0.10", "0.2"))

    with pytest.raises(ToolError) as error:
        reload_prometheus(server, config, check=lambda: f"{config}: something is wrong")

    assert problem_of(error).summary.endswith("something is wrong")
    assert "0.1" in server.rules()[0]["query"]


@pytest.mark.needs("prometheus")
def test_a_server_that_reads_other_files_than_those_on_disk_is_found_out(
    prometheus: tuple[Prometheus, Server], config: Path, tmp_path: Path
) -> None:
    server, _ = prometheus
    other = tmp_path / "provisioning/prometheus"
    (other / "rules").mkdir(parents=True)
    (other / "prometheus.yml").write_text(PROMETHEUS_CONFIG)
    (other / "rules/risk.yml").write_text(RULES.replace("0.10", "0.2"))

    with pytest.raises(ToolError) as error:
        reload_prometheus(server, other / "prometheus.yml", timeout=0.5)

    problem = problem_of(error)
    assert problem.code == "server/not-live"
    assert "is loaded otherwise" in problem.summary
    assert problem.where.file == "provisioning/prometheus/prometheus.yml"


@pytest.mark.needs("alertmanager")
@pytest.mark.parametrize("text", [ALERTMANAGER_CONFIG, f"# é\n{ALERTMANAGER_CONFIG}"])
def test_alertmanagers_own_hash_tells_that_it_runs_this_very_file(text: str, tmp_path: Path) -> None:
    config = tmp_path / "alertmanager.yml"
    config.write_text(text, encoding="utf-8")
    with start_alertmanager(config, tmp_path) as process:
        server = Alertmanager(process.url)

        assert server.metric("alertmanager_config_hash") == alertmanager_hash(config.read_bytes())
        assert reload_alertmanager(server, config) == "routes and receivers"


@pytest.mark.needs("alertmanager")
def test_an_alertmanager_that_reads_another_file_is_found_out(tmp_path: Path) -> None:
    config = tmp_path / "alertmanager.yml"
    config.write_text(ALERTMANAGER_CONFIG)
    with start_alertmanager(ALERTMANAGER_CONFIG + "# other\n", tmp_path) as process, pytest.raises(ToolError) as error:
        reload_alertmanager(Alertmanager(process.url), config)

    assert problem_of(error).code == "server/not-live"


class GrafanasDoor:
    """An HTTP server that takes what is sent to Grafana's provisioning API; Grafana itself has no stand-in."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.answers: dict[str, tuple[int, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(door) -> type[BaseHTTPRequestHandler]:  # noqa: N805 -- `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                door.asked.append((self.path, self.headers["Authorization"]))
                code, text = door.answers.get(self.path, (200, '{"message": "config reloaded"}'))
                self.send_response(code)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
                """Says nothing."""

        return Handler


@pytest.fixture
def door() -> Iterator[GrafanasDoor]:
    made = GrafanasDoor()
    yield made
    made.close()


def test_grafana_is_told_as_admin_to_read_its_data_sources_and_dashboards(door: GrafanasDoor) -> None:
    reload_grafana(Grafana(door.url, "pass:wörd"))

    signed = "Basic " + base64.b64encode("admin:pass:wörd".encode()).decode()
    assert door.asked == [
        ("/api/admin/provisioning/datasources/reload", signed),
        ("/api/admin/provisioning/dashboards/reload", signed),
    ]


def test_what_grafana_refuses_is_told_in_its_words(door: GrafanasDoor) -> None:
    door.answers["/api/admin/provisioning/datasources/reload"] = (500, '{"message": "data source url is empty"}')

    with pytest.raises(ToolError) as error:
        reload_grafana(Grafana(door.url, "x"))

    assert problem_of(error).code == "server/refused"
    assert "data source url is empty" in problem_of(error).summary
    assert problem_of(error).where.file == "provisioning/grafana/provisioning/datasources"


def test_a_password_that_somebody_changed_in_grafana_is_told_so(door: GrafanasDoor) -> None:
    door.answers["/api/admin/provisioning/datasources/reload"] = (401, '{"message": "invalid username or password"}')

    with pytest.raises(ToolError) as error:
        reload_grafana(Grafana(door.url, "x"))

    assert problem_of(error).code == "server/password"
