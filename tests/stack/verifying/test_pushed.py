"""A service that pushes, looked at through a real Prometheus; and targets that Prometheus has discovered."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from stack.verifying.exposing import TEXT, Exposing, catalogue
from support.servers import Server, start_prometheus
from support.waiting import wait_for
from tapewatch.catalogue import Loaded
from tapewatch.verifying.platform import Verification, Where, verify
from tapewatch_sdk.families import Family, MetricType

pytestmark = pytest.mark.needs("prometheus")

CONFIG = {"otlp": {"translation_strategy": "NoTranslation"}}

Request = dict[str, Any]
Edit = Callable[[Request], object]


class Pusher:
    """A service that pushes by OTLP, whenever it is told to; what it pushes can be changed."""

    def __init__(self, prometheus: Server, loaded: Loaded, name: str) -> None:
        self._url = f"{prometheus.url}/api/v1/otlp/v1/metrics"
        self._started = time.time()
        self._labels = {"environment": "local", "service": name, "team": "platform"}
        self._families = [each for each in loaded.catalogue.families.values() if each.domain in ("quoting", "host")]

    def _metric(self, family: Family, now: float) -> Request:
        """A family with one series, whose counts grow with the time."""
        own = {label: "BTC" if label == "symbol" else "buy" for label in family.labels}
        labels = [{"key": key, "value": {"stringValue": value}} for key, value in (self._labels | own).items()]
        point: Request = {"attributes": labels, "timeUnixNano": str(int(now * 1e9))}
        point["startTimeUnixNano"] = str(int(self._started * 1e9))
        count = 1 + int((now - self._started) * 1000)
        whole = {"count": str(3 * count), "sum": 2.5 * count}
        match family.type:
            case MetricType.COUNTER:
                more: Request = {"sum": {"isMonotonic": True, "dataPoints": [point | {"asDouble": count}]}}
            case MetricType.GAUGE:
                more = {"gauge": {"dataPoints": [point | {"asDouble": now - self._started}]}}
            case MetricType.HISTOGRAM:
                parts = {"bucketCounts": [str(count)] * 3, "explicitBounds": list(family.buckets)}
                more = {"histogram": {"dataPoints": [point | whole | parts]}}
            case MetricType.SUMMARY:
                more = {"summary": {"dataPoints": [point | whole]}}
        for kind in more.keys() & {"sum", "histogram"}:
            more[kind]["aggregationTemporality"] = 2
        return {"name": family.name, **more}

    def push(self, edit: Edit = lambda _: None, without: str = "") -> None:
        """Pushes now, without a family if one is named."""
        now = time.time()
        metrics = [self._metric(each, now) for each in self._families if each.name != without]
        edit({each["name"]: each for each in metrics})
        body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}
        request = urllib.request.Request(self._url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10):
            pass


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("pushed")
    with start_prometheus(yaml.safe_dump(CONFIG), folder, "--web.enable-otlp-receiver") as server:
        yield server


@pytest.fixture
def name() -> str:
    """A service name of the test's own, so that all may share one Prometheus."""
    return f"pusher-{uuid4().hex[:12]}"


@pytest.fixture
def loaded(tmp_path: Path, name: str) -> Loaded:
    return catalogue(tmp_path, {name: {"mode": "push", "push": {"interval": "30s"}}})


@pytest.fixture
def pusher(prometheus: Server, loaded: Loaded, name: str) -> Pusher:
    return Pusher(prometheus, loaded, name)


def look(prometheus: Server, loaded: Loaded) -> Verification:
    return verify(loaded, Where(prometheus.url))


def codes(verification: Verification) -> list[str]:
    assert verification.hindrances == ()
    return sorted(problem.code for problem in verification.problems)


def points(metric: Mapping[str, Any]) -> list[dict[str, Any]]:
    (kind,) = metric.keys() & {"sum", "gauge", "histogram", "summary"}
    found: list[dict[str, Any]] = metric[kind]["dataPoints"]
    return found


def add_label(metric: Mapping[str, Any], key: str, value: str) -> None:
    for point in points(metric):
        point["attributes"] = [each for each in point["attributes"] if each["key"] != key]
        point["attributes"].append({"key": key, "value": {"stringValue": value}})


def test_a_service_that_pushes_what_it_should_has_no_problem(
    prometheus: Server, loaded: Loaded, pusher: Pusher
) -> None:
    pusher.push()

    verification = look(prometheus, loaded)

    assert codes(verification) == []
    (checked,) = verification.checked
    assert (checked.families, checked.declared, checked.url) == (5, 5, prometheus.url)


def one(name: str, change: Callable[[dict[str, Any]], object]) -> Edit:
    return lambda metrics: change(metrics[name])


def rename(metric: dict[str, Any]) -> None:
    metric["name"] = "quotes_open_ratio"


def as_gauge(metric: dict[str, Any]) -> None:
    metric["gauge"] = {"dataPoints": [{**point, "asDouble": 1.0} for point in metric.pop("histogram")["dataPoints"]]}
    for point in metric["gauge"]["dataPoints"]:
        for key in ("count", "sum", "bucketCounts", "explicitBounds"):
            del point[key]


def other_bounds(metric: dict[str, Any]) -> None:
    for point in points(metric):
        point["explicitBounds"] = [1, 6]


def negative(metric: dict[str, Any]) -> None:
    points(metric)[0]["asDouble"] = -1.0


def without_label(key: str) -> Callable[[dict[str, Any]], object]:
    def change(metric: dict[str, Any]) -> None:
        for point in points(metric):
            point["attributes"] = [each for each in point["attributes"] if each["key"] != key]

    return change


@pytest.mark.parametrize(
    ("edit", "found", "words"),
    [
        (one("quotes_open", rename), ["verify/missing-family", "verify/undeclared-family"], "quotes_open_ratio"),
        (one("quote_latency_ms", as_gauge), ["verify/wrong-type"], "is a single value, not a histogram"),
        (one("quote_latency_ms", other_bounds), ["verify/wrong-buckets"], "no bucket 5, but 6"),
        (one("quotes_total", negative), ["verify/impossible-value"], "is -1"),
        (one("quotes_total", without_label("side")), ["verify/wrong-labels"], "has the label `symbol`, not"),
        (one("quotes_open", lambda each: add_label(each, "venue", "X")), ["verify/wrong-labels"], "`venue`, not none"),
        (one("quotes_open", lambda each: add_label(each, "team", "data")), ["verify/target-label"], "`team` is `data`"),
        (one("quotes_open", without_label("environment")), ["verify/target-label"], "there is no label `environment`"),
    ],
)
def test_a_breach_is_found_alone(
    prometheus: Server, loaded: Loaded, pusher: Pusher, edit: Edit, found: list[str], words: str
) -> None:
    pusher.push(edit)

    verification = look(prometheus, loaded)

    assert codes(verification) == found
    assert any(words in problem.summary for problem in verification.problems)
    assert all(
        problem.where.file.endswith("catalogue.yaml") and problem.where.line for problem in verification.problems
    )


def test_a_family_that_is_not_pushed_is_missing(prometheus: Server, loaded: Loaded, pusher: Pusher) -> None:
    pusher.push(without="quote_bytes")

    (problem,) = look(prometheus, loaded).problems

    assert problem.code == "verify/missing-family"
    assert problem.where.path == "domains.quoting.quote_bytes"


def test_a_service_that_never_pushed_is_named(prometheus: Server, loaded: Loaded, name: str) -> None:
    (problem,) = look(prometheus, loaded).problems

    assert problem.code == "verify/not-pushed"
    assert problem.where.path == f"services.{name}"


def test_a_service_that_pushes_without_its_name_is_not_found(
    prometheus: Server, loaded: Loaded, pusher: Pusher
) -> None:
    pusher.push(lambda metrics: [without_label("service")(each) for each in metrics.values()])

    assert codes(look(prometheus, loaded)) == ["verify/not-pushed"]


def test_a_service_that_pushed_once_and_no_more_is_stale(prometheus: Server, tmp_path: Path, name: str) -> None:
    loaded = catalogue(tmp_path, {name: {"mode": "push", "push": {"interval": "1s"}}})
    Pusher(prometheus, loaded, name).push()

    stale = wait_for(
        "its last push is too old",
        lambda: list(look(prometheus, loaded).problems),
        30,
        prometheus.log_tail,
    )

    assert [problem.code for problem in stale] == ["verify/stale"]
    assert " s ago" in stale[0].summary


def test_a_counter_that_falls_from_push_to_push_is_none(prometheus: Server, loaded: Loaded, pusher: Pusher) -> None:
    pusher.push(one("quotes_total", lambda each: points(each)[0].update(asDouble=9.0)))
    time.sleep(0.01)
    pusher.push(one("quotes_total", lambda each: points(each)[0].update(asDouble=8.0)))

    (problem,) = look(prometheus, loaded).problems

    assert problem.code == "verify/counter-fell"
    assert "fell from 9 to 8" in problem.summary


def test_a_push_that_is_just_coming_in_is_not_taken_for_a_whole_one(
    prometheus: Server, loaded: Loaded, pusher: Pusher
) -> None:
    pusher.push()
    time.sleep(0.01)
    pusher.push(without="quote_latency_ms")

    assert codes(look(prometheus, loaded)) == []


def test_a_prometheus_that_is_none_hinders(loaded: Loaded) -> None:
    with Exposing() as other:
        verification = verify(loaded, Where(f"http://{other.address}"))

    assert [problem.code for problem in verification.hindrances] == ["verify/no-prometheus"]
    assert verification.checked == ()


def test_what_comes_through_a_gateway_has_its_type(tmp_path: Path, name: str) -> None:
    text = "\n".join(
        line.replace("{", f'{{environment="local",service="{name}",team="platform",')
        if "{" in line
        else line.replace(" ", f'{{environment="local",service="{name}",team="platform"}} ', 1)
        if not line.startswith("#")
        else line
        for line in TEXT.replace("# TYPE quotes_open gauge", "# TYPE quotes_open counter").splitlines()
    )
    loaded = catalogue(tmp_path / "p", {name: {"mode": "push", "push": {"interval": "30s"}}})
    with Exposing(f"{text}\n") as gateway:
        job = {"job_name": "gateway", "honor_labels": True, "scrape_interval": "1s"}
        job["static_configs"] = [{"targets": [gateway.address]}]
        with start_prometheus(yaml.safe_dump({"scrape_configs": [job]}), tmp_path) as prometheus:
            found = wait_for(
                "the gateway was scraped",
                lambda: [each for each in look(prometheus, loaded).problems if each.code != "verify/not-pushed"],
                30,
                prometheus.log_tail,
            )

    assert "`quotes_open` of" in found[0].summary
    assert "is a counter, not a gauge" in found[0].summary


def test_targets_that_prometheus_discovered_are_scraped_there(tmp_path: Path) -> None:
    with Exposing() as quoter:
        (tmp_path / "found.json").write_text(json.dumps([{"targets": [quoter.address]}]))
        service = {"discovery": {"file": {"files": [str(tmp_path / "found.json")], "refresh": "1s"}}}
        empty = {"discovery": {"file": {"files": [str(tmp_path / "none.json")]}}}
        loaded = catalogue(tmp_path / "p", {"quoter": service, "lost": empty})
        jobs = [
            {"job_name": f"service-{name}", "file_sd_configs": [{"files": each["discovery"]["file"]["files"]}]}
            for name, each in (("quoter", service), ("lost", empty))
        ]
        with start_prometheus(yaml.safe_dump({"scrape_configs": jobs}), tmp_path) as prometheus:
            wait_for(
                "Prometheus has the target",
                lambda: prometheus.get_json("/api/v1/targets?state=active")["data"]["activeTargets"],
                30,
                prometheus.log_tail,
            )
            verification = look(prometheus, loaded)

    assert [(each.service, each.url, len(each.problems)) for each in verification.checked] == [
        ("quoter", quoter.url, 0),
        ("lost", prometheus.url, 1),
    ]
    assert codes(verification) == ["verify/no-targets"]
