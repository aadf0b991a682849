"""Every exporter that comes with the SDK passes the suite that other authors run, with a receiving end of its kind."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sdk.exporters.backend import points, series
from support.servers import free_port
from tapewatch_sdk.exporters import Destination
from tapewatch_sdk.loading import load, names
from tapewatch_sdk.testing import Arrived, ExporterSuite, HttpReceiver

GROUP = "tapewatch.exporters"


class TestOtlp(ExporterSuite):
    receiver: HttpReceiver

    @pytest.fixture(autouse=True)
    def backend(self) -> Iterator[None]:
        self.plugin: Any = load(GROUP, "otlp")
        with HttpReceiver() as self.receiver:
            yield

    def destination(self) -> Destination:
        return Destination(f"{self.receiver.url}/v1/metrics")

    def received(self) -> Iterator[Arrived]:
        for request in list(self.receiver.requests):
            for name, found in points(request.body).items():
                for point in found:
                    if "asDouble" in point or "asInt" in point:
                        yield Arrived(
                            name,
                            point["attributes"],
                            float(point["asDouble"] if "asDouble" in point else point["asInt"]),
                        )


class TestRemoteWrite(ExporterSuite):
    receiver: HttpReceiver

    @pytest.fixture(autouse=True)
    def backend(self) -> Iterator[None]:
        self.plugin: Any = load(GROUP, "remote_write")
        with HttpReceiver() as self.receiver:
            yield

    def destination(self) -> Destination:
        return Destination(f"{self.receiver.url}/api/v1/write")

    def received(self) -> Iterator[Arrived]:
        for request in list(self.receiver.requests):
            for name, found in series(request.body).items():
                for labels, value, _ in found:
                    yield Arrived(name, labels, value)


class TestStatsd(ExporterSuite):
    confirmed = False

    @pytest.fixture(autouse=True)
    def backend(self) -> Iterator[None]:
        self.plugin: Any = load(GROUP, "statsd")
        self.lines: list[str] = []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as self.listener:
            self.listener.bind(("127.0.0.1", 0))
            self.listener.settimeout(0.1)
            self.over = False
            thread = threading.Thread(target=self.listen)
            thread.start()
            yield
            self.over = True
            thread.join()

    def listen(self) -> None:
        while not self.over:
            try:
                self.lines += self.listener.recv(65536).decode().split("\n")
            except TimeoutError:
                continue

    def nowhere(self) -> Destination:
        return Destination("udp://127.0.0.1:1")

    def destination(self) -> Destination:
        return Destination(f"udp://127.0.0.1:{self.listener.getsockname()[1]}")

    def received(self) -> Iterator[Arrived]:
        sums: dict[tuple[str, str], float] = {}
        for line in list(self.lines):
            name, _, rest = line.partition(":")
            value, kind, tags = (*rest.split("|", 2), "")[:3]
            labels = dict(tag.split(":", 1) for tag in tags.removeprefix("#").split(",") if ":" in tag)
            if kind == "c":
                sums[name, tags] = sums.get((name, tags), 0.0) + float(value)
            yield Arrived(name, labels, sums.get((name, tags), float(value)))


class TestPrometheus(ExporterSuite):
    pulls = True

    @pytest.fixture(autouse=True)
    def backend(self) -> None:
        self.plugin: Any = load(GROUP, "prometheus")
        self.port = free_port()

    def nowhere(self) -> Destination:
        return self.destination()

    def destination(self) -> Destination:
        return Destination(f"http://127.0.0.1:{self.port}")

    def received(self) -> Iterator[Arrived]:
        with urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            for family in text_string_to_metric_families(answer.read().decode()):
                for sample in family.samples:
                    yield Arrived(sample.name, sample.labels, sample.value)


def test_no_built_in_exporter_is_left_out() -> None:
    assert set(names(GROUP)) == {"otlp", "remote_write", "statsd", "prometheus"}
