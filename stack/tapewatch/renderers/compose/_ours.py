"""What runs in our own image: the history and the sample platform."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.stack import PARTS
from tapewatch.renderers.compose._part import KEYS, RUN, Part, further, key_volume, own_volume, python_asks
from tapewatch.renderers.jaeger_storage import reach_jaeger
from tapewatch.renderers.members import Member, history_addresses, members, pushed_to, reach_shards
from tapewatch.renderers.where import Where

__all__ = ["KILL_SWITCH", "TOKEN", "ours"]

KILL_SWITCH = f"{RUN}/kill-switch"
"""Where the token of the kill switch lies."""

TOKEN = f"{KILL_SWITCH}/token"

_CATALOGUE = {
    "type": "bind",
    "source": "./catalogue.yaml",
    "target": "/project/catalogue.yaml",
    "read_only": True,
    "bind": {"create_host_path": False},  # without the file it should fail, not get a folder of that name
}
"""The catalogue for what runs in our own image, whose working folder is `/project`."""

_DATA = "/data"

_BUILT = (("build", "."), ("pull_policy", "never"))
"""Our own image: the name is nobody's at the registry. It is built where it is missing, and never asked for there."""


def ours(catalogue: Catalogue, where: Where) -> Iterator[Part]:
    """Those that the catalogue wants."""
    if catalogue.stack.history:
        yield from (_history(catalogue, where, each) for each in members(catalogue.stack, "history"))
    if catalogue.stack.simulate:
        yield _platform(catalogue, where)


def _history(catalogue: Catalogue, where: Where, member: Member) -> Part:
    """Our own bridge, store and API, under the host name that the catalogue gives it."""
    history = catalogue.stack.history
    assert history is not None
    first, _, port = history.address.rpartition(":")
    host = f"{first}{member.suffix}"
    others = [each for each in history_addresses(catalogue, where) if each != f"{host}:{port}"]
    # A pair's alerts are the same; each history asks one of its own, so that no Prometheus is needed by both.
    servers = reach_shards(catalogue.stack, where, member.number)
    settings = {"DUCKDB_PATH": f"{_DATA}/observability.duckdb"}
    command = (
        "history", "serve", "--host", "0.0.0.0", "--port", port, "--allow-host", host,  # noqa: S104 -- in a container
        *(word for each in servers for word in ("--prometheus", f"http://{each}")),
        *(("--api-key-file", history.key_file) if history.key_file else ()),
        *(word for each in others for word in ("--peer", f"http://{each}")),
    )  # fmt: skip
    return Part(
        host,
        "tapewatch",
        memory="1g",
        mapped=((member.published(int(port)), int(port)),),
        of=first,
        command=command,
        volumes=(_CATALOGUE, own_volume(catalogue, member, _DATA), f"history-key:{KEYS}:ro"),
        health=python_asks(port, "/health/live"),
        more=(*further(member), *_BUILT, ("environment", settings)),
    )


def _platform(catalogue: Catalogue, where: Where) -> Part:
    """The sample platform: reached under the host names of the services that it stands in for, by the stack alone."""
    history = catalogue.stack.history
    services = [service for _, service in sorted(catalogue.services.items()) if service.targets]
    scraped = [service for service in services if history is None or history.address not in service.targets]
    hosts = (address.rpartition(":")[0] for service in scraped for address in service.targets)
    # Names with a dot belong to somebody's DNS; those of the parts would be shared with them by turns.
    aliases = sorted({host for host in hosts if not set(host) & set(".:")} - {"localhost", *PARTS})
    port = scraped[0].targets[0].rpartition(":")[2] if scraped else ""
    pushes = (word for each in pushed_to(catalogue, where) for word in ("--push-url", f"http://{each}/api/v1/otlp"))
    settings = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://{reach_jaeger(catalogue.stack, where, 'otlp_http')}/v1/traces",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"http://{where.reach('loki')}/otlp/v1/logs",
        "TAPEWATCH_SAMPLING_URL": f"http://{reach_jaeger(catalogue.stack, where, 'jaeger_sampling')}/sampling",
        "TAPEWATCH_KILL_SWITCH_TOKEN_FILE": TOKEN,
        **({"TAPEWATCH_API_KEY_FILE": history.key_file} if history and history.key_file else {}),
    }
    api = ("--api-url", f"http://{history.address}") if history else ()
    return Part(
        "platform",
        "tapewatch",
        memory="512m",
        command=("simulate", "--listen", "0.0.0.0", *pushes, *api),  # noqa: S104 -- inside a container
        volumes=(_CATALOGUE, f"kill-switch:{KILL_SWITCH}:ro", *key_volume(catalogue)),
        health=python_asks(port, "/health") if port else (),
        more=(
            *_BUILT,
            ("environment", settings),
            *((("networks", {"default": {"aliases": aliases}}),) if aliases else ()),
        ),
    )
