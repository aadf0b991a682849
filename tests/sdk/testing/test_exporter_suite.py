"""The suite of exporters: a right one passes, and for each test there is a wrong one that fails in this test alone."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from sdk.testing.conformance import failed, names_of_tests, outcomes
from tapewatch_sdk.exporters import Batch, Counts, Destination, Export, PointsRefusedError, PushExporter, Source
from tapewatch_sdk.plugins import API_VERSION
from tapewatch_sdk.testing import Arrived, ExporterSuite, HttpReceiver

LOG = logging.getLogger("acme")


def lines(batch: Batch) -> list[dict[str, Any]]:
    return [
        {"name": family.name, "labels": dict(point.labels), "value": repr(point.value)}
        for family in batch.families
        for point in family.points
        if isinstance(point.value, float | int)
    ]


class Lines:
    """A connection that posts JSON."""

    def __init__(self, destination: Destination) -> None:
        self.url = destination.url

    def send(self, batch: Batch) -> None:
        self.post(lines(batch))

    def post(self, found: list[dict[str, Any]]) -> None:
        request = urllib.request.Request(self.url, json.dumps(found).encode(), method="POST")
        try:
            urllib.request.urlopen(request, timeout=5).close()
        except urllib.error.HTTPError as error:
            raise PointsRefusedError(str(error)) from error
        except urllib.error.URLError as error:
            raise error.reason if isinstance(error.reason, OSError) else error from None

    def close(self) -> None:
        """Holds nothing."""


class Right(PushExporter):
    """Posts JSON."""

    name = "acme"

    def connect(self, destination: Destination) -> Lines:
        return Lines(destination)


class Suite(ExporterSuite):
    receiver: HttpReceiver

    def destination(self) -> Destination:
        return Destination(self.receiver.url)

    def received(self) -> Iterator[Arrived]:
        for request in list(self.receiver.requests):
            for line in json.loads(request.body):
                yield Arrived(line["name"], line["labels"], float(line["value"]))


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver() as server:
        yield server


class Old(Right):
    """Of another version."""

    api_version = 0


class Undocumented(Right):
    __doc__ = ""


class Impatient(Right):
    """Looks whether the backend is there, at once."""

    def connect(self, destination: Destination) -> Lines:
        with suppress(OSError), socket.create_connection(("127.0.0.1", 1), timeout=1):
            pass
        return Lines(destination)


class ReadsAtOnce(Right):
    """Reads in `start`."""

    def start(self, source: Source, destination: Destination) -> Export:
        source.read()
        return super().start(source, destination)


class SaysAllIsWell(Right):
    """Throws away what cannot be sent."""

    def connect(self, destination: Destination) -> Lines:
        class Careless(Lines):
            def send(self, batch: Batch) -> None:
                with suppress(OSError):
                    super().send(batch)

        return Careless(destination)


class Wrapped:
    """An export with one thing changed."""

    def __init__(self, export: Export, url: str) -> None:
        self.export = export
        self.url = url

    @property
    def counts(self) -> Counts:
        return self.export.counts

    @property
    def failure(self) -> str:
        return self.export.failure

    def flush(self, timeout: float = 5.0) -> bool:
        return self.export.flush(timeout)

    def close(self, timeout: float = 2.0) -> bool:
        return self.export.close(timeout)


def wrapping(kind: type[Wrapped]) -> type[PushExporter]:
    class Wrapping(Right):
        """Changes one thing."""

        def start(self, source: Source, destination: Destination) -> Export:
            return kind(super().start(source, destination), destination.url)

    return Wrapping


class WaitsForEver(Wrapped):
    def close(self, timeout: float = 2.0) -> bool:
        if self.url.endswith("/suite") and ":1/" not in self.url:
            threading.Event().wait(30.0)
        return super().close(timeout)


class ClosesOnce(Wrapped):
    closed = False

    def close(self, timeout: float = 2.0) -> bool:
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True
        return super().close(timeout)


class LeavesAThread(Wrapped):
    def __init__(self, export: Export, url: str) -> None:
        super().__init__(export, url)
        threading.Thread(target=time.sleep, args=(40,), name="left", daemon=True).start()


class CountsNothing(Wrapped):
    counts = Counts(0, 0, 0, 1, 0)


class ForgetsTheLast(Wrapped):
    def close(self, timeout: float = 2.0) -> bool:
        with suppress(AttributeError):
            self.export._source.read = lambda: Batch(0.0, 0.0, ())  # type: ignore[attr-defined]
        return super().close(timeout)


class Chatty(Right):
    """Logs what it is given."""

    def connect(self, destination: Destination) -> Lines:
        LOG.debug("with %s", destination.token)
        return Lines(destination)


def sending(change: Any) -> type[PushExporter]:
    class Changed(Lines):
        def post(self, found: list[dict[str, Any]]) -> None:
            super().post(change(found))

    class Changing(Right):
        """Sends something else."""

        def connect(self, destination: Destination) -> Lines:
            return Changed(destination)

    return Changing


class OnlyOnce(Right):
    """Sends the first batch alone."""

    def connect(self, destination: Destination) -> Lines:
        class First(Lines):
            first: list[dict[str, Any]] | None = None

            def post(self, found: list[dict[str, Any]]) -> None:
                last = [line for line in found if line["value"] == "-40.5"]
                self.first = self.first or found
                super().post([*self.first, *last])

        return First(destination)


class Strict(Right):
    """Raises on what JSON has no word for."""

    def connect(self, destination: Destination) -> Lines:
        class Finite(Lines):
            def post(self, found: list[dict[str, Any]]) -> None:
                if any(line["value"] in ("nan", "inf") for line in found):
                    raise ValueError("this is no number")
                super().post(found)

        return Finite(destination)


class OneForAll(Right):
    """Remembers whom it serves in itself."""

    service = ""

    def connect(self, destination: Destination) -> Lines:
        plugin = self

        class Own(Lines):
            def post(self, found: list[dict[str, Any]]) -> None:
                plugin.service = plugin.service or found[0]["labels"]["service"]
                for line in found:
                    line["labels"]["service"] = plugin.service
                super().post(found)

        return Own(destination)


def without_team(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**line, "labels": {**line["labels"], "team": ""}} if "orders" in line["name"] else line for line in found]


class Eager:
    """Looks around when it is made."""

    name = "eager"
    api_version = API_VERSION

    def __init__(self) -> None:
        self.lines = list(os.scandir("."))

    def start(self, source: Source, destination: Destination) -> Export:
        return Right().start(source, destination)


WRONG: dict[str, Any] = {
    "test_it_keeps_the_contract_of_its_kind": Old,
    "test_its_docstring_says_what_it_adds": Undocumented,
    "test_starting_it_waits_for_nobody": Impatient,
    "test_the_values_are_read_in_the_background": ReadsAtOnce,
    "test_a_backend_that_is_not_there_is_counted_and_no_error": SaysAllIsWell,
    "test_closing_it_keeps_the_deadline": wrapping(WaitsForEver),
    "test_closing_it_twice_harms_nothing": wrapping(ClosesOnce),
    "test_closing_it_ends_its_threads": wrapping(LeavesAThread),
    "test_secrets_are_shown_nowhere": Chatty,
    "test_the_values_arrive_with_their_names_and_labels": sending(without_team),
    "test_a_later_value_arrives_too": OnlyOnce,
    "test_what_was_taken_is_counted": wrapping(CountsNothing),
    "test_the_last_values_are_sent_when_it_is_closed": wrapping(ForgetsTheLast),
    "test_odd_labels_and_values_harm_no_other": Strict,
    "test_two_at_a_time_do_not_disturb_each_other": OneForAll,
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What should happen soon is given up sooner than on an author's machine."""
    monkeypatch.setattr("tapewatch_sdk.testing.exporter.PATIENCE", 3.0)
    monkeypatch.setattr("tapewatch_sdk.testing.exporter.ARRIVAL", 2.0)
    monkeypatch.setattr("tapewatch_sdk.testing._waiting.becomes.__defaults__", (3.0,))


def test_every_test_of_the_suite_has_an_exporter_that_fails_in_it() -> None:
    others = {"test_it_is_installed_under_its_own_name", "test_making_it_touches_nothing"}

    assert {*WRONG, *others} == names_of_tests(ExporterSuite)


def test_a_right_exporter_passes(receiver: HttpReceiver) -> None:
    found = outcomes(Suite, Right, receiver=receiver)

    assert failed(found) == {}
    assert len([text for text in found.values() if text == "passed"]) == len(WRONG)


@pytest.mark.parametrize("test", WRONG)
def test_a_wrong_exporter_fails_in_one_test_alone(test: str) -> None:
    found: dict[str, str] = {}
    for name in sorted(names_of_tests(Suite)):
        with HttpReceiver() as receiver:  # what one test has sent must not help another
            found |= outcomes(Suite, WRONG[test], name, receiver=receiver)

    assert list(failed(found)) == [test]
    assert "must hold: " in found[test]
    assert "fix: " in found[test]


def test_without_a_receiving_end_what_arrives_is_not_seen_and_the_suite_says_so() -> None:
    found = outcomes(ExporterSuite, Right)

    assert failed(found) == {}
    assert "override `destination` and `received`" in found["test_the_values_arrive_with_their_names_and_labels"]


def test_an_exporter_that_nobody_installed_is_found() -> None:
    test = "test_it_is_installed_under_its_own_name"

    assert test in failed(outcomes(Suite, Right, test, installed=True))


def test_one_that_looks_around_when_it_is_made_is_found() -> None:
    test = "test_making_it_touches_nothing"

    assert list(failed(outcomes(Suite, Eager, test, installed=True))) == [test]
