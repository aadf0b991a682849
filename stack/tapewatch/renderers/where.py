"""Where the parts of the stack are: how they reach each other, what they listen on, where their files lie.

The committed files are for compose. Natively the same renderers make files for one machine's loopback, on the ports of
`stack.ports`: `JaegerRenderer(native)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tapewatch.catalogue.stack import Ports

__all__ = ["HOST", "Locate", "Where", "compose", "native"]

HOST = "host.docker.internal"
"""The machine itself, as containers see it: services may run there, and drills do."""

_HOSTS: Mapping[str, str] = {
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
    "grafana": "grafana",
    "jaeger": "jaeger",
    "jaeger_grpc": "jaeger",
    "jaeger_health": "jaeger",
    "jaeger_metrics": "jaeger",
    "jaeger_sampling": "jaeger",
    "span_metrics": "jaeger",
    "otlp_grpc": "jaeger",
    "otlp_http": "jaeger",
    "loki": "loki",
    "loki_grpc": "loki",
    "node_exporter": "node-exporter",
    "blackbox_exporter": "blackbox-exporter",
    "alloy": "alloy",
    "drill": HOST,
    "long_term": "long-term",
    "long_term_grpc": "long-term",
    "long_term_write": "long-term-write",
}
"""Host name in compose of each port of `stack.ports`: the part that listens on it."""


_CONFIGURED = ("prometheus", "alertmanager", "grafana", "loki", "jaeger", "alloy", "long_term")
"""The parts that read files."""

_FOLDERS: Mapping[str, str] = {"long_term": "long-term"}
"""Folders that are not called as the part is."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where the parts of the stack are.

    Parameters:
        ports: the ports on which the parts listen, as they see them themselves.
        listening: the address that they bind to.
        hosts: host name by port name.
        data: folder of each part's data.
        config: folder of each part's configuration.
        only: the parts that run here; all of them when empty.
        keyed: whether the history asks for its key; on loopback it does not.
        apart: whether members of one part have host names of their own; otherwise they share a host, on other ports.
        spread: address of the host of each letter, where members of one part run on hosts of their own.
        several_jaegers: whether each Jaeger has a host name of its own, and all have one more together.
    """

    ports: Ports
    listening: str
    hosts: Mapping[str, str]
    data: Mapping[str, str]
    config: Mapping[str, str]
    only: tuple[str, ...] = ()
    keyed: bool = False
    apart: bool = False
    spread: Mapping[str, str] = field(default_factory=dict)
    several_jaegers: bool = False

    def runs(self, part: str) -> bool:
        """Whether a part runs here."""
        return not self.only or part in self.only

    def reach(self, port: str) -> str:
        """`host:port` under which the other parts reach a port of `stack.ports`, given by its name."""
        return f"{self.hosts[port]}:{self.port(port)}"

    def listen(self, port: str) -> str:
        """`address:port` that the part itself binds."""
        return f"{self.listening}:{self.port(port)}"

    def port(self, name: str) -> int:
        """The number of a port of `stack.ports`, given by its name."""
        return int(getattr(self.ports, name))


Locate = Callable[[Ports], Where]
"""Tells from the catalogue's ports where everything is."""


def compose(ports: Ports) -> Where:
    """In containers: each part under its own name, on the ports that its users know; compose publishes `ports`."""
    inner = Ports(alertmanager=9093, loki_grpc=ports.loki_grpc, drill=ports.drill)
    return Where(
        ports=inner,
        listening="0.0.0.0",  # noqa: S104 -- inside a container; what is published is bound to `stack.bind`
        hosts=_HOSTS,
        data={
            "prometheus": "/prometheus",
            "alertmanager": "/alertmanager",
            "loki": "/loki",
            "jaeger": "/badger",
            "long_term": "/data",
        },
        config={name: f"/etc/{_FOLDERS.get(name, name)}" for name in _CONFIGURED},
        keyed=True,
        apart=True,
        several_jaegers=True,
    )


def native(
    ports: Ports, data: str = "/var/lib/tapewatch", config: str = "/etc/tapewatch", only: tuple[str, ...] = ()
) -> Where:
    """Without containers: everything on this machine's loopback, on the catalogue's ports.

    Parameters:
        ports: `stack.ports`.
        data: folder that holds a folder of data for each part.
        config: folder that holds a folder of configuration for each part, as `provisioning/` does.
        only: the parts that run there; all of them when empty.
    """
    return Where(
        ports=ports,
        listening="127.0.0.1",
        hosts=dict.fromkeys(_HOSTS, "127.0.0.1"),
        data={name: f"{data}/{_FOLDERS.get(name, name)}" for name in _CONFIGURED},
        config={name: f"{config}/{_FOLDERS.get(name, name)}" for name in _CONFIGURED},
        only=only,
    )
