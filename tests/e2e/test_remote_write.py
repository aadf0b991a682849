"""Everything that goes to a remote end arrives there, also what came while nobody was there to take it.

The remote end is a second real Prometheus that asks for a password. Three send to it: a Prometheus whose
`remote_write` comes from a catalogue, another one that is killed while the remote end is away, and services that push
by themselves and know nothing but three variables. One outage serves all tests, since that is what takes the time.

The outage is scaled: 20 s in place of a minute, with samples each second in place of every five, so that as many
batches wait. What decides whether any is lost is their number against the queue and the buffer, and that tries are
repeated at growing pauses until `max_backoff`; that is a second here in place of five, so it is reached and passed as
often. The whole minute at the catalogue's own pauses is for a nightly:

TAPEWATCH_NIGHTLY=1 make test PYTEST_ARGS=tests/e2e/test_remote_write.py
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import SIGKILL, SIGUSR1
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import yaml

from sdk.service.program import Program
from support.rendering import render, varied, write
from support.servers import Server, free_port, start_prometheus
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.stack import Ports
from tapewatch.renderers.flags import prometheus_flags
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.where import native

pytestmark = [pytest.mark.needs("prometheus-3.13"), pytest.mark.alone]

NIGHTLY = bool(os.environ.get("TAPEWATCH_NIGHTLY"))

OUTAGE = 60.0 if NIGHTLY else 20.0
"""Seconds for which nobody is at the remote end."""

QUEUE = {} if NIGHTLY else {"max_backoff": "1s", "batch_send_deadline": "1s"}
"""What is scaled with it."""

USER, PASSWORD = "17", "far-away-key"
HASHED = "$2b$04$wXTI2PPr8.ylBDEiOL5UpuQ6NG5HKHNoti4itQGCiZDqJ4pIVbfnS"
"""That password as bcrypt keeps it, at the least cost there is."""

DROPPED = "go_.+"

PROGRAM = """
from prometheus_client.core import GaugeMetricFamily
from tapewatch_sdk.instruments import MetricsRegistry

class Beats:
    number = 0
    def describe(self):
        return ()  # else it would be read once when it is registered
    def collect(self):
        self.number += 1  # each reading has the next number, so that one which is lost leaves a hole
        yield GaugeMetricFamily("beats", "Readings so far.", value=self.number)

told = threading.Event()
signal.signal(signal.SIGUSR1, lambda *_: told.set())
registry = MetricsRegistry()
registry.register(Beats())
with start_service(sys.argv[1], None, team="data", registry=registry, push_interval=float(sys.argv[2])) as service:
    told.wait()
    service.pushing.flush(30)
    for counts in service.pushing.counts.values():
        say("counts", counts.sent, counts.dropped, counts.refused, counts.waiting)
"""
"""A service that is told by three variables alone where to push to; it ends when it is told to."""

PUSH_INTERVAL = OUTAGE / 20
"""Seconds: half of the 40 batches that the buffer holds by default wait in the outage."""

IN_FLIGHT = 15.0
"""Seconds: what was scraped so shortly before the end was killed may have waited in a batch, or been on its way."""

Labels = tuple[tuple[str, str], ...]

Samples = dict[tuple[Labels, float], str]
"""Value of each sample, by the labels of its series and its time."""


@dataclass
class Outage:
    """What there is after an outage.

    Parameters:
        far: the remote end.
        steady: a Prometheus that lived through the outage.
        killed: one that was killed and started again during it.
        left, back: when the remote end was killed, and when it was there again, in Unix time.
        restarted: when the Prometheus that was killed was there again.
        said: by service, for each URL: batches sent, dropped, refused and waiting.
        password: the file with the password of the Prometheus that was killed.
    """

    far: Server
    steady: Server
    killed: Server
    left: float
    back: float
    restarted: float
    said: Mapping[str, list[list[int]]]
    password: Path

    def local(self, sender: Server) -> Samples:
        """What a sender stored itself, until a little after the remote end was back, without what it does not send."""
        return _samples(sender, f'{{__name__=~".+",__name__!~"{DROPPED}"}}', self.back + 1)

    def arrived(self, replica: str) -> Samples:
        """What arrived of it."""
        return _samples(self.far, f'{{replica="{replica}"}}', self.back + 1)


@pytest.fixture(scope="module")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    """Everything runs, the remote end goes away and comes back, and the services are told to end."""
    folder = tmp_path_factory.mktemp("far")
    with ExitStack() as stack:
        far = stack.enter_context(_far(folder))
        steady, killed = (stack.enter_context(_sender(folder / name, name, far)) for name in ("steady", "killed"))
        urls = {
            "by-otlp": f"{far.url}/api/v1/otlp, {steady.url}/api/v1/otlp",
            "by-write": f"{far.url}/api/v1/write",
        }
        services = {name: stack.enter_context(_service(name, where)) for name, where in urls.items()}
        for query in ('up{replica="steady"}', 'up{replica="killed"}', *(f'beats{{service="{name}"}}' for name in urls)):
            wait_for(f"{query} arrives", partial(_query, far, query), 60, far.log_tail)
        left, restarted, back = _go_away(far, killed)
        for service in services.values():
            service.send(SIGUSR1)
        said = {name: _counts(service) for name, service in services.items()}
        yield Outage(far, steady, killed, left, back, restarted, said, folder / "killed" / "password")


def _go_away(far: Server, killed: Server) -> tuple[float, float, float]:
    """The outage: when it began, when the Prometheus that is killed in it was back, and when it ended."""
    far.stop(SIGKILL)
    left = time.time()
    _pause_until(left + OUTAGE / 2)
    killed.stop(SIGKILL)
    killed.start()
    restarted = time.time()
    _pause_until(left + OUTAGE)
    far.start()
    return left, restarted, time.time()


def _pause_until(when: float) -> None:
    """There is nothing to wait for in an outage but its end."""
    time.sleep(max(0.0, when - time.time()))


def _far(folder: Path) -> Server:
    web = folder / "web.yml"
    web.write_text(yaml.safe_dump({"basic_auth_users": {USER: HASHED}}), encoding="utf-8")
    config = {
        "global": {"scrape_interval": "1h"},
        "storage": {"tsdb": {"out_of_order_time_window": "10m"}},
        "otlp": {"translation_strategy": "NoTranslation"},
    }
    flags = ("--web.enable-remote-write-receiver", "--web.enable-otlp-receiver", f"--web.config.file={web}")
    return start_prometheus(yaml.safe_dump(config), folder, *flags, sign_in=(USER, PASSWORD))


def _sender(folder: Path, replica: str, far: Server) -> Server:
    """A Prometheus made from the sample, on ports that are free; of all its targets only it itself is there."""
    folder.mkdir()
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    catalogue = _catalogue(replica, far, folder / "password")
    where = native(catalogue.stack.ports, str(folder / "data"), str(folder / layout.PROVISIONING))
    write(render(PrometheusRenderer(lambda _: where), catalogue), folder)
    given = ("--config.file", "--storage.tsdb.path", "--web.listen-address", "--web.enable-lifecycle")
    flags = [flag for flag in prometheus_flags(catalogue, where) if not flag.startswith(given)]
    config = folder / layout.PROMETHEUS / "prometheus.yml"
    return start_prometheus(config, folder, *flags, port=catalogue.stack.ports.prometheus)


def _catalogue(replica: str, far: Server, password: Path) -> Catalogue:
    remote = {
        "name": "far",
        "url": f"{far.url}/api/v1/write",
        "username": USER,
        "password_file": str(password),
        "drop": [{"regex": DROPPED}],
        **QUEUE,
    }

    def change(data: dict[str, Any]) -> None:
        data["services"] = {}
        del data["routing"]["teams"]
        data["defaults"].update(scrape={"interval": "1s", "timeout": "1s"}, evaluation_interval="1s")
        ports = {name: free_port() for name in Ports.model_fields}
        labels = {"replica": replica, "region": "eu"}
        data["stack"].update(ports=ports, external_labels=labels, remote_write=[remote])

    return varied(change)


def _service(name: str, urls: str) -> Program:
    variables = {"GRAFANA_PUSH_URL": urls, "GRAFANA_API_KEY": f"{USER}:{PASSWORD}", "ENVIRONMENT": "production"}
    return Program(PROGRAM, name, PUSH_INTERVAL, env=variables)


def _counts(service: Program) -> list[list[int]]:
    lines = [line.split() for line in service.end().said]
    return [[int(word) for word in words] for first, *words in lines if first == "counts"]


def _query(server: Server, query: str) -> list[dict[str, Any]]:
    answer = server.get_json(f"/api/v1/query?query={quote(query)}")
    result: list[dict[str, Any]] = answer["data"]["result"]
    return result


def _samples(server: Server, selector: str, until: float) -> Samples:
    """Every sample of the series as it is stored, without the labels that a sender adds."""
    query = quote(f"{selector}[10m]")
    found = server.get_json(f"/api/v1/query?query={query}&time={until:.3f}", timeout=60)["data"]["result"]
    added = ("replica", "region")
    return {
        (tuple(sorted((name, text) for name, text in each["metric"].items() if name not in added)), when): value
        for each in found
        for when, value in each["values"]
    }


def _caught_up(outage: Outage) -> bool:
    """Whether the newest that the Prometheus without a fault stored until then has arrived."""
    return outage.local(outage.steady).items() <= outage.arrived("steady").items()


def test_the_remote_end_asks_for_a_password(outage: Outage) -> None:
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"{outage.far.url}/api/v1/write", data=b"", timeout=10)


def test_every_sample_of_an_outage_arrives_with_its_time_and_value(outage: Outage) -> None:
    wait_for("the queue is sent", partial(_caught_up, outage), 60, outage.steady.log_tail)

    local, arrived = outage.local(outage.steady), outage.arrived("steady")
    assert arrived == local
    during = [when for (labels, when) in local if _is_own(labels) and outage.left < when < outage.back]
    assert len(during) > OUTAGE / 2, "too little was scraped in the outage for this to show anything"
    (retried,) = _query(outage.steady, "prometheus_remote_storage_samples_retried_total")
    assert float(retried["value"][1]) > 0
    (failed,) = _query(outage.steady, "prometheus_remote_storage_samples_failed_total")
    assert float(failed["value"][1]) == 0


def test_what_is_dropped_stays_here_and_what_leaves_has_the_labels_of_its_sender(outage: Outage) -> None:
    assert _query(outage.steady, f'{{__name__=~"{DROPPED}"}}')
    assert not _query(outage.far, f'{{__name__=~"{DROPPED}"}}')
    (up,) = _query(outage.far, 'up{replica="steady",job="prometheus"}')
    assert up["metric"].items() >= {"region": "eu", "service": "prometheus", "environment": "local"}.items()


def test_a_prometheus_that_is_killed_in_an_outage_sends_what_it_scrapes_from_then_on_and_keeps_the_rest(
    outage: Outage,
) -> None:
    """Its log is replayed for the names of series alone: what waited from before the restart is not sent."""

    def lost() -> list[float]:
        arrived = outage.arrived("killed")
        return [when for (labels, when) in outage.local(outage.killed) if (labels, when) not in arrived]

    wait_for("the queue is sent", lambda: max(lost(), default=0.0) < outage.restarted, 60, outage.killed.log_tail)

    local, missing = outage.local(outage.killed), lost()
    assert outage.arrived("killed").items() <= local.items()
    # What was on its way when the remote end was killed counts among it.
    assert missing
    assert outage.left - IN_FLIGHT < min(missing)
    assert max(missing) < outage.restarted
    kept = [when for (labels, when) in local if _is_own(labels) and outage.left < when < outage.restarted]
    assert len(kept) > OUTAGE / 4, "what is not sent is still here"


def test_a_wrong_key_loses_samples_and_a_new_one_needs_no_reload(outage: Outage) -> None:
    """An answer of 401 is final. The file is read for each request."""
    failed = "prometheus_remote_storage_samples_failed_total > 0"
    outage.password.write_text("outdated", encoding="utf-8")
    wait_for("samples are lost", partial(_query, outage.killed, failed), 60, outage.killed.log_tail)

    outage.password.write_text(PASSWORD, encoding="utf-8")
    since = f'timestamp(up{{replica="killed",job="prometheus"}}) > {time.time():.3f}'
    wait_for("samples arrive again", partial(_query, outage.far, since), 60, outage.killed.log_tail)


@pytest.mark.parametrize("name", ["by-otlp", "by-write"])
def test_a_service_that_pushes_by_three_variables_loses_no_reading_in_an_outage(outage: Outage, name: str) -> None:
    counts = outage.said[name]
    assert [(dropped, refused) for _, dropped, refused, _ in counts] == [(0, 0)] * len(counts)
    found = _beats(outage.far, name)
    if name == "by-otlp":  # it has a second URL, whose readings lie between
        found |= _beats(outage.steady, name)

    assert sorted(found) == [float(number) for number in range(1, len(found) + 1)]
    assert len(found) >= sum(sent for sent, *_ in counts)


def test_the_variables_say_where_from(outage: Outage) -> None:
    for name in ("by-otlp", "by-write"):
        (found,) = _query(outage.far, f'last_over_time(beats{{service="{name}",replica=""}}[10m])')
        assert found["metric"].items() >= {"environment": "production", "team": "data"}.items()


def test_one_end_that_is_away_keeps_nothing_from_another(outage: Outage) -> None:
    """Each URL has a thread of its own: the end that was there has readings of the whole outage, taken in it."""
    found = _samples(outage.steady, 'beats{service="by-otlp"}', outage.back)
    during = [when for (_, when) in found if outage.left < when < outage.back]

    assert len(during) >= OUTAGE / PUSH_INTERVAL / 2


def _beats(server: Server, name: str) -> set[float]:
    found = _samples(server, f'beats{{service="{name}",replica=""}}', time.time())
    values = [float(value) for value in found.values()]
    assert len(set(values)) == len(values)
    return set(values)


def _is_own(labels: Labels) -> bool:
    return {("__name__", "up"), ("job", "prometheus")} <= set(labels)
