"""`docker-compose.yml`: the whole stack, ready for `docker compose up` alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.stack import PARTS, Program
from tapewatch.documents import dump
from tapewatch.renderers.flags import alertmanager_flags, prometheus_flags
from tapewatch.renderers.secrets import SECRETS, secrets_of
from tapewatch.renderers.where import HOST, Where, compose
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["ComposeRenderer"]

_SECRETS = "/run/tapewatch"
_PASSWORD = f"{_SECRETS}/grafana-password"
_JAEGER_USER = 10001

_PREPARE = f"""\
umask 022
test -s {_PASSWORD} || head -c 24 /dev/urandom | base64 > {_PASSWORD}
chown {_JAEGER_USER}:{_JAEGER_USER} /badger
"""
"""Makes Grafana's password at the first start, and Jaeger the owner of its volume: its image has no such folder."""


_FETCHED_APPS = (
    "grafana-advisor-app",
    "grafana-exploretraces-app",
    "grafana-lokiexplore-app",
    "grafana-metricsdrilldown-app",
    "grafana-pyroscope-app",
)
"""Apps that Grafana would fetch from its makers at the first start. The data sources that we use are in its image."""


_KILL_SWITCH = f"{_SECRETS}/kill-switch"
_TOKEN = f"{_KILL_SWITCH}/token"
_TOKEN_USER = 10001

_CATALOGUE = "/project/catalogue.yaml"
"""Where the sample platform finds the catalogue; `/project` is the working folder of its image."""

_PREPARE_TOKEN = f"""\
mkdir -p {_KILL_SWITCH}
test -s {_TOKEN} || (umask 077; head -c 24 /dev/urandom | base64 > {_TOKEN})
chown {_TOKEN_USER}:{_TOKEN_USER} {_TOKEN}
"""
"""Makes the token of the sample platform's kill switch, which its container alone can read."""

_ASK_BY_HAND = (
    "exec 3<>/dev/tcp/127.0.0.1/{port}"
    " && printf 'GET /-/ready HTTP/1.0\\r\\n\\r\\n' >&3"
    " && head -n 1 <&3 | grep -q ' 200 '"
)
"""Asks a part of its own container whether it is ready, with nothing but bash."""

_HOST_IS_KNOWN = ("extra_hosts", [f"{HOST}:host-gateway"])


class _Service(NamedTuple):
    """What differs from one part of the stack to the next."""

    name: str
    program: Program
    memory: str
    ports: tuple[str, ...] = ()
    """Names of the ports in `stack.ports` that are published."""
    command: tuple[str, ...] = ()
    volumes: tuple[str | dict[str, Any], ...] = ()
    health: tuple[str, ...] = ()
    """Command that ends with 0 when the part is ready."""
    after: tuple[str, ...] = ()
    """Parts that must be healthy before."""
    more: tuple[tuple[str, Any], ...] = ()
    """Further keys."""


class ComposeRenderer:
    """`docker-compose.yml`."""

    name = "compose"
    api_version = API_VERSION

    def render(self, request: Request) -> Iterator[File]:
        """The one file."""
        catalogue = cast(Catalogue, request.catalogue)
        where = compose(catalogue.stack.ports)
        services = {service.name: _service(catalogue, where, service) for service in _stack(catalogue, where)}
        secrets = sorted({name for names in secrets_of(catalogue).values() for name in names})
        document = {
            "name": "tapewatch",
            "services": {"prepare": _prepare(catalogue), **services},
            "volumes": {name: {} for name in _volumes(catalogue)},
            **({"secrets": {name: {"file": f"./{SECRETS}/{name}"} for name in secrets}} if secrets else {}),
        }
        yield File(layout.COMPOSE, dump(_escaped(document), layout.HEADER))


def _stack(catalogue: Catalogue, where: Where) -> Iterator[_Service]:
    yield from (_alertmanager(catalogue, where), _prometheus(catalogue, where), _loki(catalogue, where), _jaeger(where))
    yield from (_grafana(catalogue, where), _node_exporter(), _blackbox_exporter(), _alloy(where))
    if catalogue.stack.simulate:
        yield _platform(catalogue, where)


def _volumes(catalogue: Catalogue) -> tuple[str, ...]:
    kill_switch = ("kill-switch",) if catalogue.stack.simulate else ()
    return ("alertmanager", "grafana", "jaeger", *kill_switch, "loki", "prometheus", "secrets")


def _alertmanager(catalogue: Catalogue, where: Where) -> _Service:
    return _Service(
        "alertmanager",
        "alertmanager",
        memory="256m",
        ports=("alertmanager",),
        command=alertmanager_flags(catalogue, where),
        volumes=(_mounted("alertmanager", where), f"alertmanager:{where.data['alertmanager']}"),
        health=_wget(f"{where.port('alertmanager')}/-/ready"),
        more=(_HOST_IS_KNOWN,),  # drills run there
    )


def _prometheus(catalogue: Catalogue, where: Where) -> _Service:
    return _Service(
        "prometheus",
        "prometheus",
        memory="2g",
        ports=("prometheus",),
        command=prometheus_flags(catalogue, where),
        volumes=(_mounted("prometheus", where), f"prometheus:{where.data['prometheus']}"),
        health=_wget(f"{where.port('prometheus')}/-/ready"),
        after=("alertmanager",),
        more=(_HOST_IS_KNOWN,),  # services may run on the host itself
    )


def _loki(catalogue: Catalogue, where: Where) -> _Service:
    return _Service(
        "loki",
        "loki",
        memory="1g",
        ports=("loki",),
        command=(f"-config.file={where.config['loki']}/loki.yml",),
        volumes=(_mounted("loki", where), f"loki:{where.data['loki']}"),
        # Its image has no shell; the program asks itself.
        health=("/usr/bin/loki", "-health", f"-health.url=http://127.0.0.1:{where.port('loki')}/ready"),
    )


def _jaeger(where: Where) -> _Service:
    return _Service(
        "jaeger",
        "jaeger",
        memory="1g",
        ports=("jaeger", "otlp_grpc", "otlp_http", "jaeger_sampling"),
        command=("--config", f"{where.config['jaeger']}/jaeger.yml"),
        volumes=(_mounted("jaeger", where), f"jaeger:{where.data['jaeger']}"),
        health=_wget(f"{where.port('jaeger_health')}/status"),
        more=(("environment", {"OTEL_TRACES_SAMPLER": "always_off"}),),  # it would trace itself as well
    )


def _grafana(catalogue: Catalogue, where: Where) -> _Service:
    settings = {
        "GF_SECURITY_ADMIN_PASSWORD__FILE": _PASSWORD,
        "GF_SERVER_ROOT_URL": catalogue.platform.grafana_url,
        "GF_AUTH_ANONYMOUS_ENABLED": "false",
        "GF_USERS_ALLOW_SIGN_UP": "false",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_ANALYTICS_FEEDBACK_LINKS_ENABLED": "false",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_PLUGINS_PREINSTALL_AUTO_UPDATE": "false",
        "GF_PLUGINS_DISABLE_PLUGINS": ",".join(_FETCHED_APPS),
        "GF_SECURITY_DISABLE_GRAVATAR": "true",
        "GF_LOG_MODE": "console",
        "GF_PATHS_PROVISIONING": f"{where.config['grafana']}/provisioning",
    }
    return _Service(
        "grafana",
        "grafana",
        memory="1g",
        ports=("grafana",),
        volumes=(
            f"./{layout.GRAFANA}/provisioning:{where.config['grafana']}/provisioning:ro",
            f"./{layout.DASHBOARDS}:{where.config['grafana']}/dashboards:ro",
            "grafana:/var/lib/grafana",
            f"secrets:{_SECRETS}:ro",
        ),
        health=_wget(f"{where.port('grafana')}/api/health"),
        after=("prometheus", "loki", "jaeger"),
        more=(("environment", settings),),
    )


def _node_exporter() -> _Service:
    return _Service(
        "node-exporter",
        "node_exporter",
        memory="128m",
        command=("--path.rootfs=/host",),
        volumes=("/:/host:ro",),
        health=_wget("9100/"),
        more=(("pid", "host"),),
    )


def _blackbox_exporter() -> _Service:
    return _Service("blackbox-exporter", "blackbox_exporter", memory="128m", health=_wget("9115/-/healthy"))


def _alloy(where: Where) -> _Service:
    return _Service(
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
        volumes=(_mounted("alloy", where), "/var/run/docker.sock:/var/run/docker.sock:ro"),
        # Its image has bash, and nothing that speaks HTTP.
        health=("bash", "-c", _ASK_BY_HAND.format(port=where.port("alloy"))),
        after=("loki",),
        more=(("profiles", ["logs"]), ("user", "root")),
    )


def _platform(catalogue: Catalogue, where: Where) -> _Service:
    """The sample platform: reached under the host names of the services that it stands in for, by the stack alone."""
    scraped = [service for _, service in sorted(catalogue.services.items()) if service.targets]
    hosts = (address.rpartition(":")[0] for service in scraped for address in service.targets)
    # Names with a dot belong to somebody's DNS; those of the parts would be shared with them by turns.
    aliases = sorted({host for host in hosts if not set(host) & set(".:")} - {"localhost", *PARTS})
    port = scraped[0].targets[0].rpartition(":")[2] if scraped else ""
    ask = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}/health', timeout=3)"
    push_url = f"http://{where.reach('prometheus')}/api/v1/otlp"
    settings = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://{where.reach('otlp_http')}/v1/traces",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"http://{where.reach('loki')}/otlp/v1/logs",
        "TAPEWATCH_SAMPLING_URL": f"http://{where.reach('jaeger_sampling')}/sampling",
        "TAPEWATCH_KILL_SWITCH_TOKEN_FILE": _TOKEN,
    }
    return _Service(
        "platform",
        "tapewatch",
        memory="512m",
        command=("simulate", "--listen", "0.0.0.0", "--push-url", push_url),  # noqa: S104 -- inside a container
        volumes=(
            {
                "type": "bind",
                "source": "./catalogue.yaml",
                "target": _CATALOGUE,
                "read_only": True,
                "bind": {"create_host_path": False},  # without the file it should fail, not get a folder of that name
            },
            f"kill-switch:{_KILL_SWITCH}:ro",
        ),
        health=("python", "-ISc", ask) if port else (),  # the image has neither wget nor curl
        more=(
            # The name is nobody's at the registry. It is built where it is missing, and never asked for there.
            ("build", "."),
            ("pull_policy", "never"),
            ("environment", settings),
            *((("networks", {"default": {"aliases": aliases}}),) if aliases else ()),
        ),
    )


def _service(catalogue: Catalogue, where: Where, service: _Service) -> dict[str, Any]:
    """A part in the form of compose, with what all parts have in common."""
    stack = catalogue.stack
    address = f"[{stack.bind}]" if ":" in stack.bind else stack.bind
    ports = [f"{address}:{getattr(stack.ports, name)}:{where.port(name)}" for name in service.ports]
    after: dict[str, Any] = {name: {"condition": "service_healthy"} for name in service.after}
    if service.name in ("jaeger", "grafana"):
        after = {"prepare": {"condition": "service_completed_successfully"}, **after}
    return {
        "image": _image(catalogue, service.program),
        **({"command": list(service.command)} if service.command else {}),
        **dict(service.more),
        **({"ports": ports} if ports else {}),
        **({"volumes": list(service.volumes)} if service.volumes else {}),
        **({"secrets": list(secrets)} if (secrets := secrets_of(catalogue).get(service.name)) else {}),
        **({"depends_on": after} if after else {}),
        **({"healthcheck": _healthcheck(service.health)} if service.health else {}),
        "restart": "unless-stopped",
        "mem_limit": service.memory,
        **_hardening(),
    }


def _prepare(catalogue: Catalogue) -> dict[str, Any]:
    """Runs once before the others, and is gone again. Prometheus's image has the shell that it needs."""
    token, volume = (_PREPARE_TOKEN, [f"kill-switch:{_KILL_SWITCH}"]) if catalogue.stack.simulate else ("", [])
    return {
        "image": _image(catalogue, "prometheus"),
        "entrypoint": ["sh", "-ec", _PREPARE + token],
        "user": "root",
        "network_mode": "none",
        "volumes": [f"secrets:{_SECRETS}", "jaeger:/badger", *volume],
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


def _wget(port_and_path: str) -> tuple[str, ...]:
    """Asks a part of its own container, with what busybox and alpine have."""
    return ("wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{port_and_path}")


def _mounted(part: str, where: Where) -> str:
    """The part's folder of generated files. Never a single file: those are replaced, and a mount keeps the old one."""
    return f"./{layout.PROVISIONING}/{part}:{where.config[part]}:ro"


def _escaped(value: Any) -> Any:
    """The same data with `$$` for every `$`: compose would put environment variables in its place."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: _escaped(each) for key, each in value.items()}
    return [_escaped(each) for each in value] if isinstance(value, list) else value
