"""The file: what differs from part to part, with what all have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.stack import Program
from tapewatch.documents import dump
from tapewatch.renderers.compose._long_term import long_term_volumes
from tapewatch.renderers.compose._ours import ours
from tapewatch.renderers.compose._part import Part, own_volumes
from tapewatch.renderers.compose._prepare import script, volumes
from tapewatch.renderers.compose._servers import servers
from tapewatch.renderers.grafana import home_file
from tapewatch.renderers.loki import loki_members
from tapewatch.renderers.secrets import SECRETS, secrets_of
from tapewatch.renderers.where import Where, compose
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["ComposeRenderer"]


class ComposeRenderer:
    """`docker-compose.yml`."""

    name = "compose"
    api_version = API_VERSION

    def render(self, request: Request) -> Iterator[File]:
        """The one file."""
        catalogue = cast(Catalogue, request.catalogue)
        where = compose(catalogue.stack.ports)
        services = {
            service.name: _service(catalogue, where, service)
            for service in (*servers(catalogue, where, home_file(request.dashboards, where)), *ours(catalogue, where))
        }
        secrets = sorted({name for names in secrets_of(catalogue).values() for name in names})
        document = {
            "name": "tapewatch",
            "services": {"prepare": _prepare(catalogue), **services},
            "volumes": {name: {} for name in _volumes(catalogue)},
            **({"secrets": {name: {"file": f"./{SECRETS}/{name}"} for name in secrets}} if secrets else {}),
        }
        yield File(layout.COMPOSE, dump(_escaped(document), layout.HEADER))


def _volumes(catalogue: Catalogue) -> tuple[str, ...]:
    history = (*own_volumes(catalogue, "history"), "history-key") if catalogue.stack.history else ()
    kill_switch = ("kill-switch",) if catalogue.stack.simulate else ()
    jaeger = () if catalogue.stack.traces else ("jaeger",)
    alertmanager, prometheus = own_volumes(catalogue, "alertmanager"), own_volumes(catalogue, "prometheus")
    engine, logs = long_term_volumes(catalogue), loki_members(catalogue, compose(catalogue.stack.ports))
    return (*alertmanager, "grafana", *history, *jaeger, *kill_switch, *logs, *engine, *prometheus, "secrets")


def _service(catalogue: Catalogue, where: Where, service: Part) -> dict[str, Any]:
    """A part in the form of compose, with what all parts have in common."""
    stack = catalogue.stack
    address = f"[{stack.bind}]" if ":" in stack.bind else stack.bind
    ports = [f"{address}:{getattr(stack.ports, name)}:{where.port(name)}" for name in service.ports]
    ports += [f"{address}:{port}:{port}" for port in service.published]
    ports += [f"{address}:{outer}:{inner}" for outer, inner in service.mapped]
    after: dict[str, Any] = {name: {"condition": "service_healthy"} for name in service.after}
    mounted = {str(each).partition(":")[0] for each in service.volumes}
    if service.name == "jaeger" or mounted & _prepared(catalogue):
        after = {"prepare": {"condition": "service_completed_successfully"}, **after}
    return {
        "image": _image(catalogue, service.program),
        **({"command": list(service.command)} if service.command else {}),
        **dict(service.more),
        **({"ports": ports} if ports else {}),
        **({"volumes": list(service.volumes)} if service.volumes else {}),
        **({"secrets": list(secrets)} if (secrets := secrets_of(catalogue).get(service.of or service.name)) else {}),
        **({"depends_on": after} if after else {}),
        **({"healthcheck": _healthcheck(service.health)} if service.health else {}),
        "restart": "unless-stopped",
        "mem_limit": service.memory,
        **_hardening(),
    }


def _prepared(catalogue: Catalogue) -> set[str]:
    """The volumes, by name or folder, whose users must wait until `prepare` has worked on them."""
    return {each.partition(":")[0] for each in volumes(catalogue)}


def _prepare(catalogue: Catalogue) -> dict[str, Any]:
    """Runs once before the others, and is gone again. Prometheus's image has the shell that it needs."""
    return {
        "image": _image(catalogue, "prometheus"),
        "entrypoint": ["sh", "-ec", script(catalogue)],
        "user": "root",
        "network_mode": "none",
        "volumes": list(volumes(catalogue)),
        "mem_limit": "64m",
        **_hardening(),
        # Its image declares a volume for Prometheus's data, which would be left behind nameless each time.
        "tmpfs": ["/tmp", "/prometheus"],  # noqa: S108 -- inside the container
        "cap_add": ["CHOWN"],
    }


def _image(catalogue: Catalogue, program: Program) -> str:
    image = catalogue.stack.images[program]
    return f"{image.image}:{image.version}"


def _hardening() -> dict[str, Any]:
    return {
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108 -- inside the container
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
    }


def _healthcheck(command: tuple[str, ...]) -> dict[str, Any]:
    """Without `start_interval`, although the start would be quicker: with it compose refuses Docker before 25."""
    return {
        "test": ["CMD", *command],
        "interval": "2s",
        "timeout": "5s",
        "retries": 15,
        "start_period": "30s",
    }


def _escaped(value: Any) -> Any:
    """The same data with `$$` for every `$`: compose would put environment variables in its place."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: _escaped(each) for key, each in value.items()}
    return [_escaped(each) for each in value] if isinstance(value, list) else value
