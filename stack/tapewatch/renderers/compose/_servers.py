"""The servers of others: Prometheus, Alertmanager, Loki, Jaeger, Grafana, the exporters and the log agent."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.compose._long_term import long_term
from tapewatch.renderers.compose._part import RUN, Part, further, key_volume, mounted, own_volume, wget
from tapewatch.renderers.flags import alertmanager_flags, prometheus_flags
from tapewatch.renderers.grafana_settings import grafana_settings
from tapewatch.renderers.history import INFINITY
from tapewatch.renderers.jaeger_storage import ANY, jaegers
from tapewatch.renderers.loki import logs_in_bucket, loki_members
from tapewatch.renderers.long_term._store import credentials
from tapewatch.renderers.members import REPLICA, Member, members
from tapewatch.renderers.where import HOST, Where

__all__ = ["PASSWORD", "servers"]

PASSWORD = f"{RUN}/grafana-password"
"""File with the password of Grafana's user admin."""

_FETCHED_APPS = (
    "grafana-advisor-app",
    "grafana-exploretraces-app",
    "grafana-lokiexplore-app",
    "grafana-metricsdrilldown-app",
    "grafana-pyroscope-app",
)
"""Apps that Grafana would fetch from its makers at the first start. The data sources that we use are in its image."""


_ASK_BY_HAND = (
    "exec 3<>/dev/tcp/127.0.0.1/{port}"
    " && printf 'GET /-/ready HTTP/1.0\\r\\n\\r\\n' >&3"
    " && head -n 1 <&3 | grep -q ' 200 '"
)
"""Asks a part of its own container whether it is ready, with nothing but bash."""

_HOST_IS_KNOWN = ("extra_hosts", [f"{HOST}:host-gateway"])


def servers(catalogue: Catalogue, where: Where, home: str = "") -> Iterator[Part]:
    """The parts, in the order in which they stand in the file.

    Parameters:
        home: the file of the dashboard that Grafana shows first; its own page where there is none.
    """
    stack = catalogue.stack
    yield from (_alertmanager(catalogue, where, each) for each in members(stack, "alertmanager"))
    yield from (_prometheus(catalogue, where, each) for each in members(stack, "prometheus"))
    yield from (_loki(catalogue, where, name) for name in loki_members(catalogue, where))
    yield from long_term(catalogue, where)
    yield from _jaegers(catalogue, where)
    yield from (_grafana(catalogue, where, home), _node_exporter(), _blackbox_exporter(), _alloy(where))


def _alertmanager(catalogue: Catalogue, where: Where, member: Member) -> Part:
    data = own_volume(catalogue, member, where.data["alertmanager"])
    return Part(
        f"alertmanager{member.suffix}",
        "alertmanager",
        memory="256m",
        mapped=((member.published(catalogue.stack.ports.alertmanager), where.port("alertmanager")),),
        of="alertmanager",
        command=alertmanager_flags(catalogue, where, member),
        volumes=(mounted("alertmanager", where), data, *key_volume(catalogue)),
        health=wget(f"{where.port('alertmanager')}/-/ready"),
        more=(*further(member), _HOST_IS_KNOWN),  # drills run there
    )


def _prometheus(catalogue: Catalogue, where: Where, member: Member) -> Part:
    data = own_volume(catalogue, member, where.data["prometheus"])
    replica = (("environment", {REPLICA: member.letter}),) if member.letter else ()
    return Part(
        f"prometheus{member.suffix}",
        "prometheus",
        memory="2g",
        mapped=((member.published(catalogue.stack.ports.prometheus), where.port("prometheus")),),
        of="prometheus",
        command=prometheus_flags(catalogue, where, member),
        volumes=(mounted("prometheus", where), data, *key_volume(catalogue)),
        health=wget(f"{where.port('prometheus')}/-/ready"),
        after=("alertmanager",),
        more=(*further(member), *replica, _HOST_IS_KNOWN),  # services may run on the host itself
    )


def _loki(catalogue: Catalogue, where: Where, name: str) -> Part:
    bucket = logs_in_bucket(catalogue)
    return Part(
        name,
        "loki",
        memory="1g",
        ports=("loki",) if name == "loki" else (),
        command=(f"-config.file={where.config['loki']}/loki.yml",),
        volumes=(mounted("loki", where), f"{name}:{where.data['loki']}"),
        of="loki",
        # Its image has no shell; the program asks itself.
        health=("/usr/bin/loki", "-health", f"-health.url=http://127.0.0.1:{where.port('loki')}/ready"),
        more=(("environment", credentials(bucket)),) if bucket else (),
    )


def _jaegers(catalogue: Catalogue, where: Where) -> Iterator[Part]:
    """The first one is the one that people reach from the host; all of them answer to one more name."""
    names = jaegers(catalogue.stack, where)
    alias = (("networks", {"default": {"aliases": [ANY]}}),) if len(names) > 1 else ()
    for number, name in enumerate(names):
        yield Part(
            name,
            "jaeger",
            memory="1g",
            ports=() if number else ("jaeger", "otlp_grpc", "otlp_http", "jaeger_sampling"),
            of="jaeger",
            command=("--config", f"{where.config['jaeger']}/jaeger.yml"),
            volumes=(
                mounted("jaeger", where),
                *(() if catalogue.stack.traces else (f"jaeger:{where.data['jaeger']}",)),
            ),
            health=wget(f"{where.port('jaeger_health')}/status"),
            after=("jaeger",) if number else (),  # two that make the same table at once can break it
            more=(("environment", {"OTEL_TRACES_SAMPLER": "always_off"}), *alias),  # it would trace itself as well
        )


def _grafana(catalogue: Catalogue, where: Where, home: str) -> Part:
    settings = {
        **grafana_settings(catalogue, where, home, PASSWORD),
        "GF_PLUGINS_DISABLE_PLUGINS": ",".join(_FETCHED_APPS),
        **({"GF_PLUGINS_PREINSTALL": INFINITY} if _asks_history(catalogue) else {}),
    }
    return Part(
        "grafana",
        "grafana",
        memory="1g",
        ports=("grafana",),
        volumes=(
            f"./{layout.GRAFANA}/provisioning:{where.config['grafana']}/provisioning:ro",
            f"./{layout.DASHBOARDS}:{where.config['grafana']}/dashboards:ro",
            "grafana:/var/lib/grafana",
            f"secrets:{RUN}:ro",
            *(key_volume(catalogue) if _asks_history(catalogue) else ()),
        ),
        health=wget(f"{where.port('grafana')}/api/health"),
        after=("prometheus", "loki", "jaeger"),
        more=(("environment", settings),),
    )


def _asks_history(catalogue: Catalogue) -> bool:
    """Whether Grafana has a data source for the history."""
    return catalogue.stack.history is not None and catalogue.stack.history.grafana


def _node_exporter() -> Part:
    return Part(
        "node-exporter",
        "node_exporter",
        memory="128m",
        command=("--path.rootfs=/host",),
        volumes=("/:/host:ro",),
        health=wget("9100/"),
        more=(("pid", "host"),),
    )


def _blackbox_exporter() -> Part:
    return Part("blackbox-exporter", "blackbox_exporter", memory="128m", health=wget("9115/-/healthy"))


def _alloy(where: Where) -> Part:
    return Part(
        "alloy",
        "alloy",
        memory="512m",
        command=(
            "run",
            f"--server.http.listen-addr={where.listen('alloy')}",
            "--storage.path=/tmp/alloy",
            "--disable-reporting",
            f"{where.config['alloy']}/config.alloy",
        ),
        # It reads other containers' output, and for that needs what the docker command needs.
        volumes=(mounted("alloy", where), "/var/run/docker.sock:/var/run/docker.sock:ro"),
        # Its image has bash, and nothing that speaks HTTP.
        health=("bash", "-c", _ASK_BY_HAND.format(port=where.port("alloy"))),
        after=("loki",),
        more=(("profiles", ["logs"]), ("user", "root")),
    )
