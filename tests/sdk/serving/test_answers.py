"""What `/metrics`, `/health` and `/ready` say."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterable

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as TheirCounter
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from sdk.serving.http_client import get
from support.waiting import wait_for
from tapewatch_sdk.instruments import MetricsRegistry, generate_openmetrics, generate_text
from tapewatch_sdk.serving import Server
from tapewatch_sdk.serving._metrics import accepts_gzip, wants_openmetrics

Serving = Callable[..., Server]

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
ONLY_TEXT = "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4"


@pytest.fixture
def registry() -> MetricsRegistry:
    made = MetricsRegistry()
    orders = made.counter("orders_total", "Orders sent.", ["symbol"])
    for number in range(50):
        orders.labels(symbol=f"SYMBOL-{number}").inc(number)
    return made


def test_our_metrics_are_served_in_both_formats(serving: Serving, registry: MetricsRegistry) -> None:
    server = serving(registry=registry)

    text, newer = get(server, "/metrics"), get(server, "/metrics?x=y", accept=PROMETHEUS_3)

    assert (text.status, text.headers["content-type"], text.body) == (200, TEXT, generate_text(registry))
    assert (newer.status, newer.headers["content-type"], newer.body) == (
        200, OPENMETRICS, generate_openmetrics(registry),
    )  # fmt: skip
    families = parse_openmetrics(newer.text)  # type: ignore[no-untyped-call]
    assert {family.name for family in families} == {"orders"}
    assert text.headers["vary"] == "Accept, Accept-Encoding"


def test_a_registry_of_prometheus_client_is_served_in_both_formats(serving: Serving) -> None:
    registry = CollectorRegistry()
    TheirCounter("orders", "Orders sent.", registry=registry).inc(3)
    server = serving(registry=registry)

    assert "\norders_total 3.0\n" in get(server, "/metrics").text
    newer = get(server, "/metrics", accept=PROMETHEUS_3)
    assert newer.headers["content-type"] == OPENMETRICS
    assert newer.text.endswith("# EOF\n")


def test_without_a_registry_it_is_the_default_one(serving: Serving) -> None:
    assert get(serving(), "/metrics").status == 200


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        (PROMETHEUS_3, True),
        (ONLY_TEXT, False),
        ("application/openmetrics-text", True),
        ('Application/OpenMetrics-Text; version="1.0.0"', True),
        ("application/openmetrics-text;version=0.0.1", False),
        ("application/openmetrics-text;version=2.0.0", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=nonsense", False),
        ("application/openmetrics-text;q=0.3,text/plain;version=0.0.4;q=0.5", False),
        (";;;,,=,", False),
    ],
)
def test_the_format_is_the_one_that_the_scraper_prefers(accept: str, wanted: bool) -> None:
    assert wants_openmetrics(accept) is wanted


@pytest.mark.parametrize(
    ("header", "accepted"),
    [("", False), ("gzip", True), ("deflate, GZIP;q=0.5", True), ("gzip;q=0", False), ("*", True), ("br", False)],
)
def test_gzip_is_for_those_who_take_it(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


def test_what_is_large_is_compressed_for_those_who_take_it(serving: Serving, registry: MetricsRegistry) -> None:
    large = get(serving(registry=registry), "/metrics", accept_encoding="gzip")
    small = get(serving(registry=MetricsRegistry()), "/metrics", accept_encoding="gzip")

    assert large.headers["content-encoding"] == "gzip"
    assert gzip.decompress(large.body) == generate_text(registry)
    assert len(large.body) < len(generate_text(registry)) / 2
    assert "content-encoding" not in small.headers


class Collector:
    """A collector that does what it is told."""

    def __init__(self, does: Callable[[], Iterable[object]]) -> None:
        self.does = does

    def collect(self) -> Iterable[object]:
        return self.does()


def test_a_registry_that_raises_is_an_error_without_a_traceback(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> Iterable[object]:
        raise LookupError("password=hunter2")

    server = serving(registry=Collector(fail))

    answer = get(server, "/metrics")

    assert (answer.status, answer.text) == (500, "the metrics could not be collected\n")
    assert "LookupError" in caplog.text  # whoever runs the service sees it
    assert get(server, "/health").status == 200


def test_a_registry_that_hangs_holds_up_nothing_else(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch_sdk.serving._serve.COLLECT_TIMEOUT", 0.2)
    release = threading.Event()

    def hang() -> Iterable[object]:
        release.wait()
        return ()

    server = serving(registry=Collector(hang))
    waiting = threading.Thread(target=get, args=(server, "/metrics"))
    waiting.start()

    assert get(server, "/health").status == 200
    assert get(server, "/metrics").status == 503
    release.set()
    waiting.join()
    wait_for("it collects again", lambda: get(server, "/metrics").status == 200)


def test_without_checks_a_service_is_alive_and_ready(serving: Serving) -> None:
    server = serving()

    for path in ("/health", "/ready"):
        answer = get(server, path)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert answer.data == {"status": "ok", "checks": {}}


def test_each_check_is_told_by_its_name(serving: Serving) -> None:
    def refuse() -> None:
        raise ConnectionError("no route to postgres://risk:hunter2@db\nTraceback: secret")

    async def never() -> bool:
        return True

    checks = {
        "nothing": lambda: None,
        "true": lambda: True,
        "zero": lambda: 0,
        "false": lambda: False,
        "raises": refuse,
        "exits": lambda: exit(1),
        "coroutine": never,
    }
    server = serving(ready=checks)

    answer = get(server, "/ready")

    assert answer.status == 503
    assert answer.data["status"] == "failed"
    told = {name: check.get("reason") for name, check in answer.data["checks"].items()}
    assert told == {
        "nothing": None,
        "true": None,
        "zero": None,
        "false": "the check says no",
        "raises": "ConnectionError: no route to postgres://risk:[redacted]@db Traceback: secret",
        "exits": "SystemExit: 1",
        "coroutine": "the check is a coroutine, which nobody awaits",
    }
    assert all(check["seconds"] >= 0 for check in answer.data["checks"].values())
    assert get(server, "/health").status == 200


def test_a_check_is_asked_each_time(serving: Serving) -> None:
    ready = False
    server = serving(ready={"warm": lambda: ready})
    assert get(server, "/ready").status == 503

    ready = True

    assert get(server, "/ready").status == 200


def test_a_check_that_hangs_fails_holds_one_thread_and_may_recover(serving: Serving) -> None:
    release, begun = threading.Event(), []

    def hang() -> None:
        begun.append(threading.current_thread())
        release.wait()

    server = serving(health={"hangs": hang, "fine": lambda: True}, check_timeout=0.1)

    for _ in range(5):
        checks = get(server, "/health").data["checks"]
        assert checks["hangs"]["reason"] == "no answer within 0.1 s"
        assert checks["fine"]["status"] == "ok"
    assert len(begun) == 1
    release.set()
    wait_for("it has recovered", lambda: get(server, "/health").status == 200)


def test_checks_run_side_by_side(serving: Serving) -> None:
    # Each passes only once the others are under way, too.
    together = threading.Barrier(3)
    server = serving(health={str(number): lambda: together.wait(30) for number in range(3)}, check_timeout=30)

    assert get(server, "/health").status == 200


def test_who_asks_at_the_same_time_gets_the_same_answer(serving: Serving) -> None:
    runs, release = [], threading.Event()

    def check() -> None:
        runs.append(1)
        release.wait()

    server = serving(health={"slow": check}, check_timeout=30)
    threads = [threading.Thread(target=get, args=(server, "/health")) for _ in range(10)]
    for thread in threads:
        thread.start()
    wait_for("all have asked", lambda: len(server._tasks) == 10 and not server._idle)
    release.set()
    for thread in threads:
        thread.join()

    assert len(runs) < 10


def test_other_paths_and_methods_are_told_what_there_is(serving: Serving) -> None:
    server = serving()

    missing, posted = get(server, "/"), get(server, "/metrics", "POST", b"{}")

    assert (missing.status, missing.text) == (404, "there are /metrics, /health and /ready\n")
    assert (posted.status, posted.headers["allow"]) == (405, "GET, HEAD")
    assert posted.headers["connection"] == "close"  # its body is not read


def test_head_is_get_without_the_body(serving: Serving) -> None:
    server = serving(ready={"no": lambda: False})

    head, whole = get(server, "/ready", "HEAD"), get(server, "/ready")

    assert (head.status, head.body) == (503, b"")
    assert int(head.headers["content-length"]) > 0
    assert json.loads(whole.body)["status"] == "failed"
