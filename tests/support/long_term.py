"""A real object store, a real Mimir on its generated files, and a pair of real Prometheus that write to it.

    with running_stage(tmp_path) as stage:
        stage.wait_for_samples()
        assert len(stage.ask('up{service="market-data"}')) == 1

Files and flags are the generated ones; what flags change is what takes a quarter of an hour by itself.
"""

from __future__ import annotations

import json
import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cramjam
import yaml

from support.rendering import varied_text, write
from support.servers import Server, free_port
from support.targets import Target
from support.waiting import wait_for
from tapewatch.catalogue import Catalogue
from tapewatch.project import Project, open_project
from tapewatch.renderers.flags import prometheus_flags
from tapewatch.renderers.long_term import LongTermRenderer, front
from tapewatch.renderers.long_term._rules import over_all
from tapewatch.renderers.long_term._tenants import NO_TEAM, tenants
from tapewatch.renderers.members import REPLICA, members
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.rules import RulesRenderer, rule_groups
from tapewatch.renderers.where import Locate, native
from tapewatch.servers import find

__all__ = [
    "BUCKET",
    "MIMIR_FLAGS",
    "PASSWORD",
    "USER",
    "Pushed",
    "Stage",
    "credentials_file",
    "mimir_server",
    "minio_server",
    "push",
    "running_stage",
]

BUCKET = "metrics"

USER, PASSWORD = "engine", "not-the-default"

SCRAPED = ("market-data", "risk-manager")
"""The services of the sample that have a target here: of two teams."""

MIMIR_FLAGS = (
    "-compactor.cleanup-interval=1s",
    "-blocks-storage.bucket-store.sync-interval=1s",
    "-blocks-storage.tsdb.ship-interval=1s",
    "-ruler.poll-interval=1s",
)
"""How soon the engine looks into the bucket and at its rules again; its own 15 minutes prove no more."""

Data = dict[str, Any]


def minio_server(folder: Path, port: int, *buckets: str) -> Server:
    """A MinIO that is not started yet; a folder of its data is a bucket."""
    for bucket in buckets or (BUCKET,):
        (folder / "data" / bucket).mkdir(parents=True, exist_ok=True)
    at = f"127.0.0.1:{port}"
    command: list[str | Path] = [
        find("minio").path,
        "server",
        "data",
        "--address",
        at,
        "--console-address",
        "127.0.0.1:0",
    ]
    environment = {"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": PASSWORD}
    return Server("minio", command, port, "/minio/health/ready", folder, environment)


def credentials_file(folder: Path) -> Path:
    """The key of that MinIO, as AWS's clients read it."""
    path = folder / "object-store"
    path.write_text(f"[default]\naws_access_key_id = {USER}\naws_secret_access_key = {PASSWORD}\n", encoding="utf-8")
    return path


def mimir_server(folder: Path, home: Path, port: int, key: Path, *flags: str, gossip: int | None = None) -> Server:
    """A Mimir on the generated configuration, not started yet.

    Parameters:
        folder: where the generated files are.
        home: an existing folder for its log.
        port: where it answers, as its configuration says or a flag.
        key: the file with the bucket's key.
        flags: further ones.
        gossip: port at which it tells others of itself; a free one unless given.
    """
    gossip = gossip or free_port()
    command: list[str | Path] = [
        find("mimir").path,
        f"-config.file={folder}/provisioning/long-term/mimir.yaml",
        f"-memberlist.bind-port={gossip}",
        f"-memberlist.advertise-port={gossip}",
        *MIMIR_FLAGS,
        *flags,
    ]
    return Server("mimir", command, port, "/ready", home, {"AWS_SHARED_CREDENTIALS_FILE": str(key)})


@dataclass
class Pushed:
    """What a remote write was answered.

    Parameters:
        status: of HTTP.
        text: the answer's body.
    """

    status: int
    text: str = ""


def push(url: str, header: tuple[str, str], series: Sequence[tuple[Mapping[str, str], float, float]]) -> Pushed:
    """Writes samples to a remote end: labels, Unix time and value of each.

    Raises:
        OSError: nobody answered: whether they were taken is not known.
    """
    from tapewatch_sdk.exporters._write_request import WriteRequest

    request = WriteRequest()
    for labels, at, value in series:
        one = request.timeseries.add()
        for name, text in sorted(labels.items()):
            one.labels.add(name=name, value=text)
        one.samples.add(value=value, timestamp=round(at * 1000))
    body = bytes(cramjam.snappy.compress_raw(request.SerializeToString()))
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", header[0]: header[1],
               "X-Prometheus-Remote-Write-Version": "0.1.0"}  # fmt: skip
    asked = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=10.0) as answer:
            return Pushed(answer.status)
    except urllib.error.HTTPError as error:
        return Pushed(error.code, error.read().decode("utf-8", errors="replace"))


@dataclass
class Stage:
    """What runs.

    Parameters:
        folder: of everything.
        catalogue: what was rendered.
        where: places of the parts.
        minio: the object store.
        engine: Mimir.
        prometheus: the pair.
        targets: what is scraped, by service.
    """

    folder: Path
    catalogue: Catalogue
    where: Locate
    minio: Server
    engine: Server
    prometheus: list[Server] = field(default_factory=list)
    targets: dict[str, Target] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The engine's own disk."""
        return self.folder / "parts" / "long-term"

    def ask(self, expr: str, at: float | None = None, tenant: str = "") -> list[Data]:
        """An instant query through the engine's query front, over every tenant unless one is given."""
        when = "" if at is None else f"&time={at:.3f}"
        found: list[Data] = self.call(f"/api/v1/query?query={quote(expr)}{when}", tenant)["data"]["result"]
        return found

    def samples(self, expr: str, at: float | None = None, tenant: str = "") -> list[tuple[float, float]]:
        """The samples of the one series of a range, such as `up{...}[1m]`; none where there is none."""
        found = self.ask(expr, at, tenant)
        assert len(found) <= 1, f"{expr} has more than one series: {[each['metric'] for each in found]}"
        return [(float(when), float(value)) for when, value in found[0]["values"]] if found else []

    def call(self, path: str, tenant: str = "") -> Data:
        """An answer of the engine's API."""
        to = self.front
        asked = urllib.request.Request(f"{to.query}{path}", headers={to.header: tenant or to.everybody})
        try:
            with urllib.request.urlopen(asked, timeout=20.0) as answer:
                found: Data = json.loads(answer.read())
                return found
        except urllib.error.HTTPError as error:
            raise OSError(f"{error.code} from {path}: {error.read().decode()[:300]}") from error

    @property
    def front(self) -> Any:
        """Where the engine is reached."""
        found = front(self.catalogue, self.where(self.catalogue.stack.ports))
        assert found is not None
        return found

    def push(self, tenant: str, series: Sequence[tuple[Mapping[str, str], float, float]], url: str = "") -> Pushed:
        """Writes samples as a tenant."""
        return push(url or self.front.write, (self.front.header, tenant), series)

    def wait_for_samples(self) -> None:
        """Until both of the pair have sent, and every target's samples are with the engine."""

        def sending() -> bool:
            return all(sent(each) > 0 for each in self.prometheus)

        def there() -> bool:
            return {each["metric"]["service"] for each in self.ask("up == 1")} >= set(SCRAPED)

        wait_for("both of the pair send", sending, 60.0, self.prometheus[0].log_tail)
        wait_for("what is scraped is with the engine", there, 60.0, self.engine.log_tail)

    def flush(self) -> None:
        """All that the engine has goes into the bucket, and the bucket's index knows of it."""
        self.engine.post("/ingester/flush?wait=true", timeout=60.0)
        teams = [tenant for tenant in self.front.tenants if (self.data / "tsdb" / tenant).exists()]
        assert teams, "the engine has nothing of anybody"

        def indexed() -> bool:
            root = self.minio.folder / "data" / BUCKET / "mimir"
            return all((root / tenant / "bucket-index.json.gz").exists() for tenant in teams)

        wait_for("the bucket's index is written", indexed, 60.0, self.engine.log_tail)

    def lose_disk(self) -> None:
        """The engine is killed, and its disk with it."""
        self.engine.stop(signal.SIGKILL)
        shutil.rmtree(self.data)


def sent(prometheus: Server) -> float:
    """Samples that a Prometheus has sent, to whomever."""
    lines = prometheus.get("/metrics").splitlines()
    return sum(
        float(line.rpartition(" ")[2]) for line in lines if line.startswith("prometheus_remote_storage_samples_total")
    )


@contextmanager
def running_stage(folder: Path, change: Callable[[Data], object] = lambda data: None) -> Iterator[Stage]:
    """Everything started; stopped at the end.

    Parameters:
        folder: an empty folder.
        change: a further change of the sample's data.
    """
    with ExitStack() as stack:
        targets = {name: stack.enter_context(Target()) for name in SCRAPED}
        for name, target in targets.items():
            target.set(f'orders_total{{venue="{name}"}}', 1.0)
        store, key = free_port(), credentials_file(folder)
        small_catalogue(folder, targets, store, key, change)
        project = open_project(folder)
        catalogue = project.catalogue
        where = partial(native, data=str(folder / "parts"), config=str(folder / "provisioning"), only=("prometheus",))
        for renderer in (PrometheusRenderer(where), LongTermRenderer(where), RulesRenderer()):
            write({file.path: file.text for file in renderer.render(project.request)}, folder)
        _same_rules(project, folder)
        minio = minio_server(home_of(folder, "minio"), store)
        engine = mimir_server(folder, home_of(folder, "mimir"), catalogue.stack.ports.long_term, key)
        stage = Stage(folder, catalogue, where, minio, engine, targets=targets)
        stack.enter_context(minio.start())
        stack.enter_context(engine.start())
        for server in pair_of(stage):
            stage.prometheus.append(stack.enter_context(server.start()))
        yield stage
        for server in (*stage.prometheus, engine, minio):
            server.stop(signal.SIGKILL)  # an orderly end of each would take seconds, and is nothing that is tried here


def small_catalogue(
    folder: Path, targets: Mapping[str, Target], store: int, key: Path, change: Callable[[Data], object]
) -> None:
    ports = {"prometheus": free_port(1), "alertmanager": free_port(1, 2)}
    ports |= {name: free_port() for name in ("drill", "long_term", "long_term_grpc")}

    def changed(data: Data) -> None:
        stack = data["stack"]
        for key_ in ("history", "simulate"):
            stack.pop(key_)
        stack.update(
            ports=ports,
            high_availability={"port_step": 1, "cluster_port": free_port(1, 2)},
            long_term={
                "engine": "mimir",
                "object_store": {"endpoint": f"127.0.0.1:{store}", "bucket": BUCKET, "credentials_file": str(key),
                                 "tls": False, "path_style": True},
            },
        )  # fmt: skip
        stack["images"]["mimir"] = {"image": "grafana/mimir", "version": "3.0.5"}
        teams = data["routing"]["teams"]
        data["routing"]["teams"] = {team: teams[team] for team in ("data", "risk")}
        data["defaults"]["scrape"] = {"interval": "1s", "timeout": "900ms"}
        data["defaults"]["evaluation_interval"] = "1s"
        data["alerts"] = {"MarketDataWebsocketDisconnected": {"for": "1s"}, "ServiceDown": {"for": "1s"}}
        data["services"] = {
            name: {**data["services"][name], "address": f"127.0.0.1:{targets[name].port}", "depends_on": []}
            for name in SCRAPED
        }
        change(data)

    (folder / "catalogue.yaml").write_text(varied_text(changed), encoding="utf-8")


def _same_rules(project: Project, folder: Path) -> None:
    """The ruler gets the alerts that Prometheus has. What these read of recorded series, Prometheus records alone."""
    every = list(tenants(project.catalogue))
    groups = [
        {**group, "rules": [rule for rule in group["rules"] if "alert" in rule]}
        for _, group in rule_groups(project.request)
    ]
    text = yaml.safe_dump({"groups": [over_all(group, every) for group in groups if group["rules"]]})
    write({f"provisioning/long-term/ruler/{NO_TEAM}/same.yml": text}, folder)


def pair_of(stage: Stage) -> Iterator[Server]:
    catalogue = stage.catalogue
    for member in members(catalogue.stack, "prometheus"):
        flags = prometheus_flags(catalogue, stage.where(catalogue.stack.ports), member)
        port = member.published(catalogue.stack.ports.prometheus)
        command: list[str | Path] = [find("prometheus").path, *flags]
        name = f"prometheus-{member.letter}"
        yield Server(name, command, port, "/-/ready", home_of(stage.folder, name), {REPLICA: member.letter})


def home_of(folder: Path, name: str) -> Path:
    home = folder / "logs" / name
    home.mkdir(parents=True)
    return home


def shown(samples: Sequence[tuple[float, float]]) -> str:
    """Samples for a message: how many, and from when to when."""
    return f"{len(samples)} samples" + (f" from {samples[0][0]:.0f} to {samples[-1][0]:.0f}" if samples else "")
