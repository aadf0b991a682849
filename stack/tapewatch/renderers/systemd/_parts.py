"""What differs from one unit to the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.deployment import NativePart, Systemd
from tapewatch.catalogue.high_availability import Replicated
from tapewatch.renderers.flags import alertmanager_flags, prometheus_flags
from tapewatch.renderers.grafana import home_file
from tapewatch.renderers.grafana_settings import grafana_settings
from tapewatch.renderers.members import REPLICA, Member, history_addresses, members, reach_shards
from tapewatch.renderers.where import Where
from tapewatch_sdk.plugins import Dashboard

__all__ = ["CONFIG", "DATA", "FIRST", "NativePartOf", "parts", "unit_of"]

FIRST = "a"
"""Letter of the host that has the first member of every part, and all that there is one of."""

CONFIG = layout.NATIVE_CONFIG
DATA = layout.NATIVE_DATA

_EPHEMERAL = "/tmp"  # noqa: S108 -- a folder of the unit's own: PrivateTmp


class NativePartOf(NamedTuple):
    """A part that runs as a unit.

    Parameters:
        name: of its unit.
        part: what it is.
        program: name of the executable.
        words: its arguments.
        ready: port and path that answer 200 once it works.
        memory: MiB at most, unless the catalogue says otherwise.
        quota: percent of one processor.
        start: seconds that its start may take, such as for reading a long write-ahead log.
        after: names of parts that are started before.
        environment: variables.
        reloads: whether it reads its configuration again when it is told to, at `/-/reload`.
        reads: what of the configuration it reads when it starts or is told to; what is missing here (dashboards,
            Loki's rules, Jaeger's sampling) it looks after by itself.
        host: whether it measures the machine.
        local: whether it speaks with this host alone, and with the others of the stack.
    """

    name: str
    part: NativePart
    program: str
    words: tuple[str, ...]
    ready: tuple[int, str]
    memory: int
    quota: int = 100
    start: int = 60
    after: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    reloads: bool = False
    reads: tuple[str, ...] = ()
    host: bool = False
    local: bool = True


def unit_of(name: str) -> str:
    """The unit of a part; with our own name in front, since a distribution has a `prometheus.service` as well."""
    return f"tapewatch-{name}.service"


def parts(
    catalogue: Catalogue,
    where: Where,
    dashboards: tuple[Dashboard, ...],
    key: str = "",
    password: str = "",
    letter: str = "",
) -> Iterator[NativePartOf]:
    """Every part of a host. Members are called alike on each, since no host has two.

    Parameters:
        catalogue: of the stack.
        where: where the parts are.
        dashboards: Grafana's.
        key: credential of the history that holds its key; empty where it asks for none.
        password: credential of Grafana with the password of its user admin.
        letter: of the host; empty where there is only one.
    """
    stack = catalogue.stack
    systemd = stack.systemd or Systemd()
    for each in _here(catalogue, "alertmanager", letter):
        port = where.port("alertmanager")
        yield NativePartOf(
            "alertmanager", "alertmanager", "alertmanager", alertmanager_flags(catalogue, where, each),
            (port, "/-/ready"), 256, reloads=True, reads=(where.config["alertmanager"],), local=False,
        )  # fmt: skip
    for each in _here(catalogue, "prometheus", letter):
        port = where.port("prometheus")
        yield NativePartOf(
            "prometheus", "prometheus", "prometheus", prometheus_flags(catalogue, where, each),
            (port, "/-/ready"), 2048, quota=200, start=900, after=("alertmanager",), reloads=True, local=False,
            reads=(where.config["prometheus"],), environment=((REPLICA, each.letter),) if each.letter else (),
        )  # fmt: skip
    if letter in ("", FIRST):
        yield from _single(catalogue, systemd, where, home_file(dashboards, where), password)
    if stack.history:
        yield from (_history(catalogue, where, each, key) for each in _here(catalogue, "history", letter))


def _here(catalogue: Catalogue, part: Replicated, letter: str) -> Iterator[Member]:
    return (each for each in members(catalogue.stack, part) if each.letter == letter)


def _single(catalogue: Catalogue, systemd: Systemd, where: Where, home: str, password: str) -> Iterator[NativePartOf]:
    """What there is one of, whatever runs more than once."""
    yield NativePartOf(
        "loki", "loki", "loki", (f"-config.file={where.config['loki']}/loki.yml",),
        (where.port("loki"), "/ready"), 1024, start=300, reads=(f"{where.config['loki']}/loki.yml",),
    )  # fmt: skip
    yield NativePartOf(
        "jaeger", "jaeger", "jaeger", ("--config", f"{where.config['jaeger']}/jaeger.yml"),
        (where.port("jaeger_health"), "/status"), 1024, start=300, reads=(f"{where.config['jaeger']}/jaeger.yml",),
        environment=(("OTEL_TRACES_SAMPLER", "always_off"),), local=catalogue.stack.traces is None,
    )  # fmt: skip
    yield _grafana(catalogue, systemd, where, home, password)
    yield NativePartOf(
        "node-exporter", "node-exporter", "node_exporter", (f"--web.listen-address={where.listen('node_exporter')}",),
        (where.port("node_exporter"), "/"), 128, quota=50, host=True,
    )  # fmt: skip
    yield NativePartOf(
        "blackbox-exporter", "blackbox-exporter", "blackbox_exporter",
        (f"--config.file={CONFIG}/blackbox-exporter/blackbox.yml",
         f"--web.listen-address={where.listen('blackbox_exporter')}"),
        (where.port("blackbox_exporter"), "/-/healthy"), 128, quota=50, reloads=True, local=False,
        reads=(f"{CONFIG}/blackbox-exporter",),
    )  # fmt: skip


def _grafana(catalogue: Catalogue, systemd: Systemd, where: Where, home: str, password: str) -> NativePartOf:
    settings = {
        **grafana_settings(catalogue, where, home, password),
        "GF_SERVER_HTTP_ADDR": where.listening,
        "GF_SERVER_HTTP_PORT": str(where.port("grafana")),
        "GF_PATHS_DATA": f"{DATA}/grafana",
        "GF_PATHS_PLUGINS": f"{DATA}/grafana/plugins",
        "GF_PATHS_LOGS": f"{layout.NATIVE_LOGS}/grafana",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
    }
    return NativePartOf(
        "grafana", "grafana", "grafana", ("server", f"--homepath={systemd.grafana_home}"),
        (where.port("grafana"), "/api/health"), 1024, start=120, after=("prometheus", "loki", "jaeger"),
        environment=tuple(settings.items()), reads=(f"{where.config['grafana']}/provisioning",),
    )  # fmt: skip


def _history(catalogue: Catalogue, where: Where, member: Member, key: str) -> NativePartOf:
    history = catalogue.stack.history
    assert history is not None
    addresses = history_addresses(catalogue, where)
    own = addresses[member.number]
    servers = reach_shards(catalogue.stack, where, member.number)
    port = int(own.rpartition(":")[2])
    words = (
        "history", "serve", f"--project={CONFIG}/history", f"--host={where.listening}", f"--port={port}",
        f"--allow-host={own.rpartition(':')[0]}", f"--database={DATA}/history/observability.duckdb",
        *(f"--prometheus=http://{each}" for each in servers),
        *((f"--api-key-file={key}",) if key else ()),
        *(f"--peer=http://{each}" for each in addresses if each != own),
    )  # fmt: skip
    return NativePartOf(
        "history", "history", "tapewatch", words, (port, "/health/live"), 1024,
        start=120, after=("prometheus",), local=False, reads=(f"{CONFIG}/history",),
        environment=(("PYTHONDONTWRITEBYTECODE", "1"),),
    )  # fmt: skip
