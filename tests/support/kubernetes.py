"""A real Kubernetes API server over a real etcd, on loopback, and the real Prometheus Operator beside it.

There is no kubelet, no scheduler and no controller: objects are taken, kept and read, and no pod ever runs.
"""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from support.servers import Server, free_port
from support.waiting import wait_for
from tapewatch.servers import find

__all__ = ["Answer", "Cluster", "definitions", "start_cluster", "start_operator"]

TOKEN = "token-of-the-tests"

OWNER = "tapewatch"
"""The field manager, as `kubectl apply --server-side --field-manager` names it."""

Object = dict[str, Any]


class _Loader(yaml.CSafeLoader):
    """Takes a lone `=` for text, as Go does, and not for a type that YAML 1.1 had and nobody ever used."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: str(node.value))


class Answer(NamedTuple):
    """What the API server said to an object."""

    kept: Object
    warnings: list[str]


class ApiServer(Server):
    """The API server; it speaks https and asks for a token."""

    def __init__(self, command: list[str | Path], port: int, folder: Path) -> None:
        super().__init__("kube-apiserver", command, port, "/readyz", folder)
        self.url = f"https://127.0.0.1:{port}"

    def ask(
        self, method: str, path: str, body: object = None, kind: str = "application/json", timeout: float = 30.0
    ) -> tuple[Any, list[str]]:
        """The JSON of the answer, and the warnings beside it.

        Raises:
            OSError: a status of 400 and above, with what the server says.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {TOKEN}")
        if data:
            request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=_unverified()) as answer:
                text = answer.read().decode()
                warnings = answer.headers.get_all("Warning") or []
        except urllib.error.HTTPError as error:
            raise OSError(f"{error.code} to {method} {path}: {error.read().decode(errors='replace')[:2000]}") from error
        return (json.loads(text) if text.startswith("{") else text), warnings

    def _request(self, path: str, body: bytes | None, timeout: float) -> str:
        return str(self.ask("GET", path, timeout=timeout)[0])


class Cluster:
    """What a test does with the API server.

    Parameters:
        server: the API server.
        kubeconfig: a file with which other programs sign in.
    """

    def __init__(self, server: ApiServer, kubeconfig: Path) -> None:
        self.server = server
        self.kubeconfig = kubeconfig
        self._plural: dict[tuple[str, str], tuple[str, bool]] = {}

    def apply(self, found: Object, *, dry_run: bool = False) -> Answer:
        """Server-side apply with strict validation, as `kubectl apply --server-side --validate=strict` does it."""
        query = f"fieldManager={OWNER}&fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        kind = "application/apply-patch+yaml"
        return Answer(*self.server.ask("PATCH", f"{self.path(found)}?{query}", found, kind))

    def create(self, found: Object, *, dry_run: bool = False) -> Answer:
        """Creates an object, or only asks whether it would be taken."""
        path = self.path(found).rpartition("/")[0]
        return Answer(*self.server.ask("POST", path + ("?dryRun=All" if dry_run else ""), found))

    def get(self, api: str, kind: str, name: str, namespace: str) -> Object:
        """An object that is kept."""
        found = {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}}
        answer: Object = self.server.ask("GET", self.path(found))[0]
        return answer

    def secret(self, name: str, namespace: str) -> dict[str, bytes]:
        """What a Secret holds."""
        data = self.get("v1", "Secret", name, namespace).get("data", {})
        return {key: base64.b64decode(value) for key, value in data.items()}

    def path(self, found: Object) -> str:
        """Where an object is."""
        api, kind = found["apiVersion"], found["kind"]
        root = f"/apis/{api}" if "/" in api else f"/api/{api}"
        if (api, kind) not in self._plural:
            for each in self.server.ask("GET", root)[0]["resources"]:
                if "/" not in each["name"]:
                    self._plural[api, each["kind"]] = each["name"], each["namespaced"]
        plural, namespaced = self._plural[api, kind]
        within = f"/namespaces/{found['metadata']['namespace']}" if namespaced else ""
        return f"{root}{within}/{plural}/{found['metadata']['name']}"

    def define(self, definition: Object) -> None:
        """Takes a definition of a kind of object, and waits until the kind is served."""
        self.apply(definition)
        name, spec = definition["metadata"]["name"], definition["spec"]

        def served() -> bool:
            kept = self.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", name, "")
            states = {each["type"]: each["status"] for each in kept.get("status", {}).get("conditions") or []}
            if states.get("Established") != "True":
                return False
            for version in spec["versions"]:
                if version["served"]:
                    listed = self.server.ask("GET", f"/apis/{spec['group']}/{version['name']}")[0]["resources"]
                    if spec["names"]["plural"] not in {each["name"] for each in listed}:
                        return False
            return True

        wait_for(f"the API server serves {name}", served, 30.0)


def definitions() -> Iterator[Object]:
    """The definitions of the operator's kinds, which lie beside it."""
    for path in sorted((find("operator").path.parent / "data").glob("*.yaml")):
        yield yaml.load(path.read_text(encoding="utf-8"), _Loader)


@contextmanager
def start_cluster(folder: Path) -> Iterator[Cluster]:
    """An empty cluster that knows the operator's kinds."""
    with _start_etcd(folder) as etcd, _start_api(folder, etcd.url) as server:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(_kubeconfig(server.url)), encoding="utf-8")
        cluster = Cluster(server, kubeconfig)
        for definition in definitions():
            cluster.define(definition)
        yield cluster


def start_operator(cluster: Cluster, folder: Path, namespace: str) -> Server:
    """The real operator, which looks at one namespace."""
    home, port = folder / "operator", free_port()
    home.mkdir()
    command: list[str | Path] = [
        find("operator").path,
        f"--namespaces={namespace}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--kubelet-endpoints=false",
    ]
    return Server("operator", command, port, "/healthz", home, {"KUBECONFIG": str(cluster.kubeconfig)}).start()


def _start_etcd(folder: Path) -> Server:
    home, client, peer = folder / "etcd", free_port(), free_port()
    home.mkdir()
    command: list[str | Path] = [
        find("etcd").path,
        f"--data-dir={home / 'data'}",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-cluster=default=http://127.0.0.1:{peer}",
        "--unsafe-no-fsync",  # nothing of it is to outlive the test
    ]
    return Server("etcd", command, client, "/health", home).start()


def _start_api(folder: Path, etcd: str) -> ApiServer:
    home, port = folder / "kube-apiserver", free_port()
    home.mkdir()
    tokens, key = home / "tokens.csv", home / "service-accounts.pem"
    tokens.write_text(f"{TOKEN},tests,tests,system:masters\n", encoding="utf-8")
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    command: list[str | Path] = [
        find("kube-apiserver").path,
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={home / 'certificates'}",
        f"--token-auth-file={tokens}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-cluster-ip-range=10.96.0.0/16",
        # A pod is only asked about, and the controller that makes the account `default` is not here.
        "--disable-admission-plugins=ServiceAccount",
        "--watch-cache=true",
    ]
    server = ApiServer(command, port, home)
    server.start()
    return server


def _kubeconfig(url: str) -> Mapping[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "tests", "cluster": {"server": url, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "tests", "user": {"token": TOKEN}}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
        "current-context": "tests",
    }


def _unverified() -> ssl.SSLContext:
    """The server made its certificate itself a moment ago, on this machine."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
