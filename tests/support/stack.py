"""The generated files on a real Prometheus and a real Alertmanager, with targets that do as they are told.

    with running_stack(tmp_path, alerts={"ServiceDown": {"for": "1s"}}) as stack:
        stack.targets["risk-manager"].set("risk_kill_switch_active", 1)
        stack.wait("it is delivered", lambda: stack.told("KillSwitchActivated") == ["firing"])

The sample is changed in what time costs, and in no more: it scrapes and evaluates each second, and a critical alert's
next notification waits 1 s. The flags of both servers are those of the generated docker-compose.yml, with one added:
Prometheus scrapes a target as soon as it knows it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import yaml

from support.proxy import Proxy
from support.samples import edited
from support.servers import Server, free_port, start_alertmanager, start_prometheus
from support.targets import Target
from support.waiting import wait_for
from support.webhook import WebhookReceiver
from tapewatch import layout
from tapewatch.project import CATALOGUE, open_project
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.where import native

__all__ = ["INTERVAL", "RECEIVER", "Alert", "Stack", "compose_flags", "resent_after", "running_stack"]

T = TypeVar("T")
Alert = dict[str, Any]

INTERVAL = 1.0
"""Seconds between two scrapes, and between two evaluations."""

PROMPTLY = "--scrape.discovery-reload-interval=200ms"
"""Prometheus scrapes what it discovers at once: by default it waits for 5 s, at each start too."""

RECEIVER = "receiver"
"""Name under which the receiver of notifications may have a proxy in front."""

TIMEOUT = 60.0
"""Seconds that a step may take. The slowest is Alertmanager's next attempt after 10 s at a receiver without answer."""

SERVICES = (
    "market-data",
    "signal-bridge",
    "risk-manager",
    "execution-engine",
    "position-tracker",
    "live-trading",
    "capture-pipeline",
    "api",
)

PARTS = ("grafana", "loki", "jaeger_metrics", "span_metrics", "node_exporter", "blackbox_exporter")
"""Ports of the stack's other parts, which Prometheus scrapes as well: a target answers in place of each."""

FASTER = (
    ("  scrape: {interval: 5s, timeout: 4s}", "  scrape: {interval: 1s, timeout: 1s}"),
    ("  evaluation_interval: 5s", "  evaluation_interval: 1s"),
    ("  critical: {receiver: platform-pager}", "  critical: {receiver: platform-pager, group_interval: 1s}"),
)

GIVEN = (
    "--config.file",
    "--storage.tsdb.path",
    "--storage.path",
    "--web.listen-address",
    "--web.enable-lifecycle",
    "--cluster.listen-address",
)
"""Flags that differ outside a container, or that `support.servers` gives anyway."""


@dataclass(frozen=True)
class Stack:
    """The running servers.

    Parameters:
        prometheus: Prometheus, on the generated rules and targets.
        alertmanager: Alertmanager, on the generated routes.
        webhook: all receivers of the catalogue in one.
        targets: what is scraped, by the service's name.
        proxies: the proxies that were asked for, by the name of what is behind.
    """

    prometheus: Server
    alertmanager: Server
    webhook: WebhookReceiver
    targets: Mapping[str, Target]
    proxies: Mapping[str, Proxy]

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query, or of a range of samples (`up[1m]`)."""
        result: list[dict[str, Any]] = self.prometheus.get_json(f"/api/v1/query?query={quote(expr)}")["data"]["result"]
        return result

    def scraped(self) -> list[dict[str, Any]]:
        """The targets and how their last scrapes went (`labels`, `health`, `lastError`)."""
        found: list[dict[str, Any]] = self.prometheus.get_json("/api/v1/targets?state=active")["data"]["activeTargets"]
        return found

    def number(self, expr: str) -> float | None:
        """The value of an instant query with one result; `None` without any."""
        found = self.query(expr)
        assert len(found) <= 1, f"{expr} has more than one result: {found}"
        return float(found[0]["value"][1]) if found else None

    def samples(self, expr: str) -> list[tuple[float, float]]:
        """The stored samples of one series, as (Unix time, value); `expr` is a range, such as `up{...}[1m]`."""
        found = self.query(expr)
        assert len(found) <= 1, f"{expr} has more than one series: {[each['metric'] for each in found]}"
        return [(float(when), float(value)) for when, value in found[0]["values"]] if found else []

    def alerts(self, name: str | None = None, service: str | None = None) -> list[Alert]:
        """The pending and firing alerts in Prometheus, all of them or some."""
        found: list[Alert] = self.prometheus.get_json("/api/v1/alerts")["data"]["alerts"]
        return [alert for alert in found if _is(alert, name, service)]

    def held(self, name: str, service: str | None = None) -> list[Alert]:
        """The alerts that Alertmanager holds."""
        return [alert for alert in self.alertmanager.get_json("/api/v2/alerts") if _is(alert, name, service)]

    def told(self, name: str, service: str | None = None) -> list[str]:
        """What the receiver accepted about an alert: `firing` or `resolved` for each notification that it was in."""
        alerts = [alert for payload in self.webhook.accepted for alert in payload["alerts"]]
        return [alert["status"] for alert in alerts if _is(alert, name, service)]

    def metric(self, server: Server, name: str, label: str = "") -> float:
        """What a server says of itself just now, whether that can be stored or not.

        Parameters:
            server: the server.
            name: the metric; the sum over its series is given.
            label: a label that a series must have to count, such as `status="firing"`.
        """
        shown = server.get("/metrics").splitlines()
        lines = [line for line in shown if line.startswith((f"{name} ", f"{name}{{")) and label in line]
        assert lines, f"{server.name} shows no {name} {label}"
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def wait(self, awaited: str, look: Callable[[], T | None], timeout: float = TIMEOUT) -> T:
        """`wait_for`, with what both servers last said in the failure."""
        return wait_for(awaited, look, timeout, self.state)

    def wait_until_up(self, *services: str) -> None:
        """Waits until the services (by default all) were scraped since Prometheus started, and the samples stored."""
        wanted = set(services or SERVICES)

        def up() -> bool:
            scraped = {each["labels"]["service"] for each in self.scraped() if each["health"] == "up"}
            return wanted <= scraped & {each["metric"]["service"] for each in self.query("up == 1")}

        self.wait(f"{', '.join(sorted(wanted))} are up", up)

    def wait_for_groups(self) -> None:
        """Waits until Alertmanager has asked its notification log twice more whether there is anything to tell."""
        name = "alertmanager_nflog_queries_total"
        asked = self.metric(self.alertmanager, name)
        self.wait("groups were looked at twice", lambda: self.metric(self.alertmanager, name) >= asked + 2)

    def state(self) -> str:
        """What the servers say and what was delivered, for a failure."""

        def tried() -> list[object]:
            return [
                (status, payload["receiver"], [(alert["status"], alert["labels"]) for alert in payload["alerts"]])
                for status, payload in zip(self.webhook.statuses, self.webhook.payloads, strict=False)
            ]

        parts: Mapping[str, Callable[[], object]] = {
            "targets that are down": lambda: [
                (each["labels"]["service"], each["lastError"]) for each in self.scraped() if each["health"] != "up"
            ],
            "alerts in Prometheus": lambda: [(each["state"], each["labels"]) for each in self.alerts()],
            "alerts in Alertmanager": lambda: [each["labels"] for each in self.alertmanager.get_json("/api/v2/alerts")],
            "answers of the receiver": lambda: tried()[-5:],
            "Prometheus's log": self.prometheus.log_tail,
            "Alertmanager's log": self.alertmanager.log_tail,
        }
        return "\n".join(f"-- {name}:\n{_said(look)}" for name, look in parts.items())


def _is(alert: Alert, name: str | None, service: str | None) -> bool:
    labels = alert["labels"]
    return name in (None, labels["alertname"]) and service in (None, labels.get("service"))


def _said(look: Callable[[], object]) -> object:
    try:
        return look()
    except (OSError, ValueError, KeyError) as error:
        return repr(error)


@contextmanager
def running_stack(
    folder: Path,
    *,
    alerts: Mapping[str, Mapping[str, object]] | None = None,
    proxied: Collection[str] = (),
    prometheus_flags: Sequence[str] = (),
    alertmanager_flags: Sequence[str] = (),
    data: Mapping[str, Path] | None = None,
) -> Iterator[Stack]:
    """Everything started and every service up; stopped at the end.

    Parameters:
        folder: for the generated files, the logs and the data.
        alerts: parameters of alerts, as in the catalogue, such as `{"ServiceDown": {"for": "1s"}}`.
        proxied: what has a proxy in front: names of services, `RECEIVER`.
        prometheus_flags: flags besides those of docker-compose.yml.
        alertmanager_flags: the same for Alertmanager.
        data: folders for data elsewhere, by `prometheus` or `alertmanager`.
    """
    with ExitStack() as stack:
        webhook = stack.enter_context(WebhookReceiver())
        targets = {name: stack.enter_context(Target()) for name in (*SERVICES, *PARTS)}
        reached = {name: target.port for name, target in targets.items()} | {RECEIVER: webhook.port}
        proxies = {name: stack.enter_context(Proxy(reached[name])) for name in proxied}
        reached |= {name: proxy.port for name, proxy in proxies.items()}
        ports = {name: targets[name].port for name in PARTS}
        ports |= {"prometheus": free_port(), "alertmanager": free_port()}
        _generate(folder, ports, reached, alerts or {})
        compose = (folder / layout.COMPOSE).read_text(encoding="utf-8")
        alertmanager = start_alertmanager(
            folder / layout.ALERTMANAGER / "alertmanager.yml",
            folder,
            *_with(compose_flags(compose, "alertmanager"), alertmanager_flags),
            port=ports["alertmanager"],
            data=(data or {}).get("alertmanager"),
        )
        stack.enter_context(alertmanager)
        prometheus = start_prometheus(
            folder / layout.PROMETHEUS / "prometheus.yml",
            folder,
            *(*compose_flags(compose, "prometheus"), PROMPTLY, *prometheus_flags),
            port=ports["prometheus"],
            data=(data or {}).get("prometheus"),
        )
        stack.enter_context(prometheus)
        running = Stack(prometheus, alertmanager, webhook, targets, proxies)
        running.wait_until_up()
        yield running


def resent_after(seconds: int) -> str:
    """A flag for Prometheus: it sends a firing alert again so soon, and not only after a minute.

    Alertmanager takes an alert for resolved that it did not hear of for four times as long.
    """
    return f"--rules.alert.resend-delay={seconds}s"


def compose_flags(compose: str, service: str) -> list[str]:
    """The flags of a service in docker-compose.yml that hold outside a container too.

    Parameters:
        compose: text of the file.
        service: `prometheus` or `alertmanager`.
    """
    flags = [flag.replace("$$", "$") for flag in yaml.safe_load(compose)["services"][service]["command"]]
    return [flag for flag in flags if flag.partition("=")[0] not in GIVEN]


def _with(flags: Sequence[str], more: Sequence[str]) -> list[str]:
    """Flags with others; one that is given again counts instead of the first."""
    again = {flag.partition("=")[0] for flag in more}
    return [*(flag for flag in flags if flag.partition("=")[0] not in again), *more]


def _generate(
    folder: Path, ports: Mapping[str, int], reached: Mapping[str, int], alerts: Mapping[str, Mapping[str, object]]
) -> None:
    """Writes every generated file, with the addresses of one machine in place of compose's."""
    text = edited(
        *FASTER,
        ("alerts: {}", f"alerts: {json.dumps(alerts)}"),
        # It pushes; here it is scraped like the others, so that nothing of it is ever missing.
        ("    mode: push\n", "    address: ${CAPTURE_PIPELINE_ADDRESS}\n"),
        ("stack:\n", f"stack:\n  ports: {json.dumps(ports)}\n"),
    ).replace("http://api:8000/api/alerts/webhook", f"http://127.0.0.1:{reached[RECEIVER]}/")
    (folder / CATALOGUE).write_text(text, encoding="utf-8")
    addresses = {f"{name.upper().replace('-', '_')}_ADDRESS": f"127.0.0.1:{reached[name]}" for name in SERVICES}
    project = open_project(folder, addresses)
    assert project.check() == []
    files = project.render()
    for renderer in (PrometheusRenderer(native), AlertmanagerRenderer(native)):
        files |= {file.path: file.text for file in renderer.render(project.request)}
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
