"""The parts that are none of the operator's: Loki, Jaeger, the histories and the exporters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.deployment import Kubernetes, PodPart, StoredPart
from tapewatch.catalogue.stack import Program
from tapewatch.renderers.jaeger import JaegerRenderer
from tapewatch.renderers.kubernetes._objects import Object, chosen, config_map, plain
from tapewatch.renderers.kubernetes._place import cluster, service
from tapewatch.renderers.kubernetes._resources import (
    NOBODY,
    OURS,
    claim,
    container_security,
    image,
    pod_security,
    resources,
    spread,
)
from tapewatch.renderers.kubernetes._secrets import history_volume, secret_volume
from tapewatch.renderers.loki import LokiRenderer
from tapewatch.renderers.members import Member, history_addresses, members, reach_shards
from tapewatch.renderers.secrets import secrets_of
from tapewatch.renderers.where import Where
from tapewatch_sdk.plugins import Request

__all__ = ["CATALOGUE", "workloads"]

CATALOGUE = "tapewatch-catalogue"
"""ConfigMap with `catalogue.yaml`, which the histories read. It is made from the file, not here."""

_MEMBER = "app.kubernetes.io/instance"


class _Pod(NamedTuple):
    """What differs from one part to the next."""

    part: PodPart
    name: str
    program: Program
    ports: dict[str, int]
    ready: tuple[str, str]
    """Path and name of the port that tell whether it is ready."""
    user: int
    arguments: tuple[str, ...] = ()
    mounts: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = ()
    data: str = ""
    """Where its volume is mounted; empty where it keeps nothing."""
    environment: Mapping[str, str] = {}


def workloads(request: Request, kubernetes: Kubernetes, where: Where) -> Iterator[Object]:
    """Each part with its files and its Service."""
    catalogue, namespace = cast(Catalogue, request.catalogue), kubernetes.namespace
    yield from _files(request, namespace)
    traces = _jaeger(catalogue, kubernetes, where)
    pods = [_loki(where), traces, _blackbox(where), *_histories(catalogue, kubernetes, where)]
    for pod in pods:
        yield service(pod.name, namespace, _selector(pod), pod.ports)
        yield _stateful(catalogue, kubernetes, pod) if pod.data else _deployment(catalogue, kubernetes, pod)
    exporter = _node_exporter(where)
    yield service(exporter.name, namespace, _selector(exporter), exporter.ports, headless=True)
    yield _on_each_node(catalogue, kubernetes, exporter)


def _files(request: Request, namespace: str) -> Iterator[Object]:
    """The generated configurations, as the parts read them in compose."""
    loki = {file.path: file.text for file in LokiRenderer(cluster).render(request)}
    jaeger = {file.path: file.text for file in JaegerRenderer(cluster).render(request)}
    rules = [text for path, text in loki.items() if "/rules/" in path]
    yield config_map("loki", namespace, {"loki.yml": loki[f"{layout.LOKI}/loki.yml"], "tapewatch.yml": rules[0]})
    yield config_map("jaeger", namespace, {path.rpartition("/")[2]: text for path, text in jaeger.items()})


def _mounted(name: str, folder: str, items: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A ConfigMap's keys as files of a folder."""
    listed = [{"key": key, "path": path} for key, path in items.items()]
    volume = {"name": "configuration", "configMap": {"name": name, "items": listed}}
    return volume, {"name": "configuration", "mountPath": folder, "readOnly": True}


def _loki(where: Where) -> _Pod:
    folder = where.config["loki"]
    files = {"loki.yml": "loki.yml", "tapewatch.yml": "rules/fake/tapewatch.yml"}
    return _Pod(
        "loki", "loki", "loki", {"http": where.port("loki")}, ("/ready", "http"), OURS,
        arguments=(f"-config.file={folder}/loki.yml",),
        mounts=(_mounted("loki", folder, files),),
        data=where.data["loki"],
    )  # fmt: skip


def _jaeger(catalogue: Catalogue, kubernetes: Kubernetes, where: Where) -> _Pod:
    names = ("jaeger", "otlp_grpc", "otlp_http", "jaeger_sampling", "jaeger_health", "jaeger_metrics", "span_metrics")
    folder = where.config["jaeger"]
    files = {"jaeger.yml": "jaeger.yml", "sampling.json": "sampling.json"}
    keys = secrets_of(catalogue).get("jaeger", ())
    return _Pod(
        "jaeger", "jaeger", "jaeger", {_port(name): where.port(name) for name in names}, ("/status", "jaeger-health"),
        OURS,
        arguments=("--config", f"{folder}/jaeger.yml"),
        mounts=(_mounted("jaeger", folder, files), *((secret_volume(kubernetes, keys),) if keys else ())),
        data="" if catalogue.stack.traces else where.data["jaeger"],
        environment={"OTEL_TRACES_SAMPLER": "always_off"},  # it would trace itself as well
    )  # fmt: skip


def _port(name: str) -> str:
    """Kubernetes allows a port's name 15 characters and no `_`."""
    return name.replace("_", "-")[:15].rstrip("-")


def _blackbox(where: Where) -> _Pod:
    port = {"http": where.port("blackbox_exporter")}
    return _Pod("blackbox-exporter", "blackbox-exporter", "blackbox_exporter", port, ("/-/healthy", "http"), NOBODY)


def _node_exporter(where: Where) -> _Pod:
    port = {"http": where.port("node_exporter")}
    return _Pod("node-exporter", "node-exporter", "node_exporter", port, ("/", "http"), NOBODY)


def _histories(catalogue: Catalogue, kubernetes: Kubernetes, where: Where) -> Iterator[_Pod]:
    if catalogue.stack.history:
        yield from (_history(catalogue, kubernetes, where, each) for each in members(catalogue.stack, "history"))


def _history(catalogue: Catalogue, kubernetes: Kubernetes, where: Where, member: Member) -> _Pod:
    history = catalogue.stack.history
    assert history is not None
    first, _, port = history.address.rpartition(":")
    host = f"{first}{member.suffix}"
    servers = reach_shards(catalogue.stack, where, member.number)
    others = [each for each in history_addresses(catalogue, where) if each != f"{host}:{port}"]
    arguments = (
        "history", "serve", "--host", "0.0.0.0", "--port", port, "--allow-host", host,  # noqa: S104 -- in a pod
        *(word for each in servers for word in ("--prometheus", f"http://{each}")),
        *(("--api-key-file", history.key_file) if history.key_file else ()),
        *(word for each in others for word in ("--peer", f"http://{each}")),
    )  # fmt: skip
    key = history_volume(catalogue, kubernetes)
    return _Pod(
        "history", host, "tapewatch", {"http": int(port)}, ("/health/ready", "http"), OURS,
        arguments=arguments,
        mounts=(_mounted(CATALOGUE, "/project", {"catalogue.yaml": "catalogue.yaml"}), *([key] if key else [])),
        data="/data",
        environment={"DUCKDB_PATH": "/data/observability.duckdb"},
    )  # fmt: skip


def _selector(pod: _Pod) -> dict[str, str]:
    return {**chosen(pod.part), _MEMBER: pod.name}


def _template(catalogue: Catalogue, kubernetes: Kubernetes, pod: _Pod) -> dict[str, Any]:
    path, port = pod.ready
    data = [{"name": "data", "mountPath": pod.data}] if pod.data else []
    volumes = [volume for volume, _ in pod.mounts] + [{"name": "tmp", "emptyDir": {}}]
    mounts = [*data, *(mount for _, mount in pod.mounts), {"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
    environment = [{"name": name, "value": value} for name, value in pod.environment.items()]
    container = {
        "name": pod.part,
        "image": image(catalogue, pod.program),
        **({"args": list(pod.arguments)} if pod.arguments else {}),
        **({"env": environment} if environment else {}),
        "ports": [{"containerPort": number, "name": name, "protocol": "TCP"} for name, number in pod.ports.items()],
        "readinessProbe": {"httpGet": {"path": path, "port": port}},
        "resources": resources(kubernetes, pod.part),
        "securityContext": container_security(),
        "volumeMounts": mounts,
    }
    spec = {
        "automountServiceAccountToken": False,
        "containers": [container],
        "enableServiceLinks": False,
        "securityContext": pod_security(pod.user),
        "topologySpreadConstraints": spread(pod.part),
        "volumes": volumes,
    }
    return {"metadata": {"labels": _selector(pod)}, "spec": spec}


def _stateful(catalogue: Catalogue, kubernetes: Kubernetes, pod: _Pod) -> Object:
    part = cast(StoredPart, pod.part)
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": claim(kubernetes, part),
        "status": {"phase": "Pending"},  # the server would add it, and a list that it adds to is shown as drift
    }
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": _selector(pod)},
        "serviceName": pod.name,
        "template": _template(catalogue, kubernetes, pod),
        "volumeClaimTemplates": [volume],
    }
    return plain("apps/v1", "StatefulSet", pod.name, kubernetes.namespace, {"spec": spec}, _selector(pod))


def _deployment(catalogue: Catalogue, kubernetes: Kubernetes, pod: _Pod) -> Object:
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": _selector(pod)},
        "template": _template(catalogue, kubernetes, pod),
    }
    return plain("apps/v1", "Deployment", pod.name, kubernetes.namespace, {"spec": spec}, _selector(pod))


def _on_each_node(catalogue: Catalogue, kubernetes: Kubernetes, pod: _Pod) -> Object:
    """One a node. It sees the node's processors and memory; its disks it would see by a mount that is not allowed."""
    template = _template(catalogue, kubernetes, pod)
    del template["spec"]["topologySpreadConstraints"]
    spec = {"selector": {"matchLabels": _selector(pod)}, "template": template}
    return plain("apps/v1", "DaemonSet", pod.name, kubernetes.namespace, {"spec": spec}, _selector(pod))
