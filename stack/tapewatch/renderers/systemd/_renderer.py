"""`systemd/etc/...`: units, users, folders, and the configuration that the units read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.deployment import NativePart, Systemd
from tapewatch.catalogue.stack import Ports
from tapewatch.documents import dump
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.grafana import GrafanaRenderer
from tapewatch.renderers.heartbeat import HeartbeatRenderer
from tapewatch.renderers.jaeger import JaegerRenderer
from tapewatch.renderers.loki import LokiRenderer
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.rules import RulesRenderer
from tapewatch.renderers.secrets import files_read
from tapewatch.renderers.slo import SloRenderer
from tapewatch.renderers.systemd._credentials import credentials, inside, with_credentials
from tapewatch.renderers.systemd._drop_in import drop_ins
from tapewatch.renderers.systemd._parts import CONFIG, DATA, FIRST, NativePartOf, parts, unit_of
from tapewatch.renderers.systemd._service import TARGET, service_text, target_text
from tapewatch.renderers.where import Where, native
from tapewatch_sdk.plugins import API_VERSION, File, Renderer, Request

__all__ = ["SystemdRenderer"]

_PASSWORD = "/run/secrets/grafana-password"  # noqa: S105 -- the name of a file
"""The password of Grafana's user admin, as the catalogue would name it."""

_CALLERS: tuple[NativePart, ...] = ("alertmanager", "prometheus", "history")
"""The parts that show the history its key, and so have it; Grafana does where it has a data source for it."""

_BLACKBOX = {"modules": {"http_2xx": {"prober": "http"}, "tcp_connect": {"prober": "tcp"}}}


class SystemdRenderer:
    """Everything below `/etc` of a host without containers, or of each of several, where `stack.systemd` is set."""

    name = "systemd"
    api_version = API_VERSION

    def render(self, request: Request) -> Iterator[File]:
        """Configuration, then units by name; host by host."""
        catalogue = cast(Catalogue, request.catalogue)
        systemd = catalogue.stack.systemd
        if systemd is None:
            return
        for letter in systemd.hosts or ("",):
            folder = f"{layout.SYSTEMD}/{letter}/etc" if letter else f"{layout.SYSTEMD}/etc"
            found = _parts(request, catalogue, letter)
            where = _locate(catalogue, letter, catalogue.stack.ports)
            for file in (
                *_configuration(request, catalogue, letter, {each.part for each in found}),
                *_units(catalogue, systemd, found, where.listening),
                *drop_ins(catalogue, where),
            ):
                yield File(f"{folder}/{file.path}", file.text)


def _locate(catalogue: Catalogue, letter: str, ports: Ports) -> Where:
    history, systemd = catalogue.stack.history, catalogue.stack.systemd
    where = replace(native(ports, DATA, CONFIG), keyed=history is not None and history.key_file is not None)
    if systemd is None or not letter:
        return where
    hosts = dict.fromkeys(where.hosts, systemd.hosts[FIRST])
    return replace(where, listening=systemd.hosts[letter], hosts=hosts, spread=systemd.hosts)


def _parts(request: Request, catalogue: Catalogue, letter: str) -> list[NativePartOf]:
    history = catalogue.stack.history
    key = inside(history.key_file, unit_of("history")) if history and history.key_file else ""
    where = _locate(catalogue, letter, catalogue.stack.ports)
    password = inside(_PASSWORD, unit_of("grafana"))
    return list(parts(catalogue, where, tuple(request.dashboards), key, password, letter))


def _configuration(request: Request, catalogue: Catalogue, letter: str, here: set[NativePart]) -> Iterator[File]:
    """What the parts of a host read."""
    locate = partial(_locate, catalogue, letter)
    made: list[File] = []
    renderers: dict[NativePart, Renderer] = {
        "prometheus": PrometheusRenderer(locate),
        "alertmanager": AlertmanagerRenderer(locate),
        "grafana": GrafanaRenderer(locate),
        "loki": LokiRenderer(locate),
        "jaeger": JaegerRenderer(locate),
    }
    for part in filter(here.__contains__, renderers):
        own = with_credentials(catalogue, unit_of(part))
        made += renderers[part].render(replace(request, catalogue=own))
    for rules in (RulesRenderer(), HeartbeatRenderer(), SloRenderer()) if "prometheus" in here else ():
        made += (file for file in rules.render(request) if not file.path.startswith(f"{layout.TESTS}/"))
    for file in made:
        yield File(f"tapewatch/{file.path.removeprefix(f'{layout.PROVISIONING}/')}", file.text)
    if "blackbox-exporter" in here:
        yield File("tapewatch/blackbox-exporter/blackbox.yml", dump(_BLACKBOX, layout.HEADER))
    if "history" in here:
        own = with_credentials(catalogue, unit_of("history"))
        data = _needed(own.model_dump(mode="json", by_alias=True, exclude_unset=True))
        yield File("tapewatch/history/catalogue.yaml", dump(_escaped(data), layout.HEADER))


def _needed(data: dict[str, Any]) -> dict[str, Any]:
    """The catalogue without what the history never asks for, and for whose change it would be restarted."""
    for each in (data, *data.get("services", {}).values()):
        for key in ("alerts", "slos", "unit"):
            each.pop(key, None)
    for key in ("systemd", "kubernetes"):
        data["stack"].pop(key, None)
    return data


def _units(catalogue: Catalogue, systemd: Systemd, found: list[NativePartOf], listening: str) -> Iterator[File]:
    for each in found:
        loaded = list(credentials(_files_of(catalogue, each), systemd.secrets))
        yield File(f"systemd/system/{unit_of(each.name)}", service_text(each, systemd, loaded, listening))
    yield File(f"systemd/system/{TARGET}", target_text([each.name for each in found]))
    users = [f'u tapewatch-{each.name} - "{each.name} of tapewatch" {DATA}/{each.name}' for each in found]
    yield File("sysusers.d/tapewatch.conf", "\n".join((f"# {layout.HEADER}", *users)) + "\n")
    folders = [f"d {CONFIG} 0755 root root", f"d {systemd.secrets} 0700 root root", f"d {DATA} 0755 root root"]
    yield File("tmpfiles.d/tapewatch.conf", "\n".join((f"# {layout.HEADER}", *folders)) + "\n")


def _files_of(catalogue: Catalogue, part: NativePartOf) -> set[str]:
    """The files with secrets that a part reads, as the catalogue names them."""
    history = catalogue.stack.history
    key = {history.key_file} if history and history.key_file else set()
    if part.part == "grafana":
        return {_PASSWORD} | (key if history and history.grafana else set())
    return files_read(catalogue).get(part.part, set()) | (key if part.part in _CALLERS else set())


def _escaped(value: Any) -> Any:
    """The same data, in which nothing is taken for a variable when it is read again."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {key: _escaped(each) for key, each in value.items()}
    return [_escaped(each) for each in value] if isinstance(value, list) else value
