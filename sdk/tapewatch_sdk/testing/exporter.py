"""The suite of exporters."""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.exporters.contract import Destination, Export, Source
from tapewatch_sdk.instruments import MetricsRegistry
from tapewatch_sdk.testing._exported import OWN, RegistrySource, filled_registry, logged, raised
from tapewatch_sdk.testing._saying import hold, skip
from tapewatch_sdk.testing._waiting import PATIENCE, becomes, within
from tapewatch_sdk.testing._watching import watched
from tapewatch_sdk.testing.suite import Suite

if TYPE_CHECKING:
    pass

__all__ = ["Arrived", "ExporterSuite"]

ARRIVAL = 10.0
"""Seconds that a value may take to its backend."""

_SECRETS = {
    "password": "suite-password-7Q2x",
    "token": "suite-token-9Zk4",
    "header": "suite-header-3Vn8",
    "query": "suite-query-5Hw1",
}
_ODD = 'a b\n"c\\|#:,@{}=é日'
_ASKS = ("connects to a server", "sends to a server", "looks up a host")


class Arrived(NamedTuple):
    """One value as it arrived at the backend.

    Parameters:
        name: the name of the family, as it arrived.
        labels: all labels of the series.
        value: the value.
    """

    name: str
    labels: Mapping[str, str]
    value: float


class ExporterSuite(Suite):
    """What holds for an exporter: it holds nobody up, counts losses, keeps secrets, and what it sends arrives.

    The tests of what arrives need `destination` and `received`. They look at a counter and a gauge, so that `received`
    may leave out what stands for histograms.
    """

    group: ClassVar[str] = "tapewatch.exporters"
    pulls: ClassVar[bool] = False
    """Whether the backend fetches the values: nothing is sent and counted, and it knows by itself whose they are."""
    confirmed: ClassVar[bool] = True
    """Whether the backend says that it has taken something; False for datagrams."""

    def destination(self) -> Destination:
        """Where a receiving end of the test is; to be overridden, together with `received`."""
        skip("override `destination` and `received` to see whether what is sent arrives")

    def received(self) -> Iterable[Arrived]:
        """What the receiving end has of all series, the newest value of each last."""
        raise NotImplementedError

    def nowhere(self) -> Destination:
        """Where nobody is: a port of this machine at which nothing listens."""
        return Destination("http://127.0.0.1:1/suite")

    @contextmanager
    def silent(self) -> Iterator[Destination]:
        """Where somebody takes connections and never says anything."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield Destination(f"http://127.0.0.1:{server.getsockname()[1]}/suite")

    # Tests of how it behaves.

    def test_starting_it_waits_for_nobody(self) -> None:
        exporter, destination = self.made(), self.nowhere()
        if self.pulls:
            skip("`pulls` is True: it listens, and asks nobody")
        with watched() as seen:
            export = exporter.start(RegistrySource(filled_registry()), destination)
        export.close(0.0)
        asked = sorted({each for each in seen if each in _ASKS})
        hold(
            not asked,
            f"`start` {' and '.join(asked)} itself",
            "`start` returns at once: a program begins to trade whether the backend is there or not",
            "do that in the background, when the first batch is sent; derive from PushExporter",
        )

    def test_the_values_are_read_in_the_background(self) -> None:
        source = RegistrySource(filled_registry())
        with self._started(source, self.nowhere()) as export:
            becomes(lambda: source.readers or self.pulls, 1.0)
            export.flush(0.2)
        hold(
            threading.get_ident() not in source.readers,
            "the registry is read in the thread that calls `start` or `flush`",
            "reading takes its time with many series, and is not the caller's",
            "read in a thread of its own; derive from PushExporter",
        )

    def test_a_backend_that_is_not_there_is_counted_and_no_error(self) -> None:
        if self.pulls or not self.confirmed:
            skip("nobody tells it whether the backend is there")
        with self._started(RegistrySource(filled_registry()), self.nowhere()) as export:
            taken = export.flush(0.3)
            hold(
                not taken,
                "`flush` says that a backend that is not there has taken the values",
                "`flush` is False unless everything was taken",
                "raise an OSError in `send` when nobody answers",
            )
            seen = becomes(lambda: export.counts.failures + export.counts.dropped + export.counts.refused)
            hold(
                seen and export.failure,
                f"`counts` is {export.counts} and `failure` {export.failure!r} while nobody is there",
                "what goes wrong is counted, and said in words",
                "raise an OSError with a text in `send` when nobody answers",
            )

    def test_closing_it_keeps_the_deadline(self) -> None:
        if self.pulls or not self.confirmed:
            skip("it waits for no answer")
        with self.silent() as destination:
            export = self._start(RegistrySource(filled_registry()), destination)
            done, _ = within(PATIENCE, lambda: export.close(0.5))
        hold(
            done,
            f"`close(0.5)` did not return within {PATIENCE:g} s, with a backend that takes connections and is silent",
            "`close` comes back when its time is over, whatever the backend does",
            "let the background thread be a daemon, and wait for it no longer than `timeout`",
        )

    def test_closing_it_twice_harms_nothing(self) -> None:
        export = self._start(RegistrySource(filled_registry()), self.nowhere())
        again = (export.close, export.close, export.flush)
        wrong = raised(lambda: ([each(0.2) for each in again], export.counts, export.failure))
        hold(
            not wrong,
            f"after `close`, another `close`, `flush` or `counts` raised {wrong}",
            "the end of a program closes what the program has closed already",
            "let them do nothing",
        )

    def test_closing_it_ends_its_threads(self) -> None:
        before = set(threading.enumerate())
        export = self._start(RegistrySource(filled_registry()), self.nowhere())
        export.close(0.5)
        gone = becomes(lambda: not (set(threading.enumerate()) - before))
        left = ", ".join(thread.name for thread in set(threading.enumerate()) - before)
        hold(
            gone,
            f"its threads go on after `close`: {left}",
            "what was started is ended",
            "let the thread look whether it is to end, and wake it",
        )

    def test_secrets_are_shown_nowhere(self) -> None:
        where = self.nowhere()
        secret = Destination(
            f"{where.url}?api_key={_SECRETS['query']}", "somebody", _SECRETS["password"], _SECRETS["token"],
            {"X-Api-Key": _SECRETS["header"]},
        )  # fmt: skip
        with logged() as lines:
            threads = set(threading.enumerate())
            try:
                export = self.made().start(RegistrySource(filled_registry()), secret)
            except ProblemsError as error:
                shown = [str(error)]
            else:
                export.flush(0.5)
                becomes(lambda: export.failure, 1.0)
                shown = [repr(export), str(export), export.failure]
                shown += [thread.name for thread in set(threading.enumerate()) - threads]
                export.close(0.2)
        text = "\n".join([*shown, *lines])
        found = [kind for kind, value in _SECRETS.items() if value in text]
        hold(
            not found,
            f"the {' and the '.join(found)} of the destination is in a log line, `repr`, a thread's name or `failure`",
            "a secret leaves the program towards the backend alone",
            "show `destination.shown`; log nothing of the rest, and let no `__repr__` show it",
        )

    # Tests of what arrives.

    def test_the_values_arrive_with_their_names_and_labels(self) -> None:
        registry = filled_registry()
        with self._live(registry):
            self._arrives("suite_orders_total", {"side": "buy"}, 3.0)
            self._arrives("suite_temperature_celsius", {}, 21.5)

    def test_a_later_value_arrives_too(self) -> None:
        registry = filled_registry()
        with self._live(registry) as export:
            self._first_has_arrived()
            registry.gauge("suite_temperature_celsius").set(22.5)
            registry.counter("suite_orders_total", labels=["side"]).inc(4, {"side": "buy"})
            export.flush(5.0)
            self._arrives("suite_temperature_celsius", {}, 22.5)
            self._arrives("suite_orders_total", {"side": "buy"}, 7.0)

    def test_what_was_taken_is_counted(self) -> None:
        if self.pulls:
            skip("`pulls` is True: nothing is sent")
        with self._live(filled_registry()) as export:
            self._first_has_arrived()
            hold(
                becomes(lambda: export.counts.sent > 0 and not export.counts.waiting, ARRIVAL) and not export.failure,
                f"after the backend took everything, `counts` is {export.counts} and `failure` {export.failure!r}",
                "what was taken is in `sent`, and nothing is waiting",
                "count it when the backend has answered",
            )

    def test_the_last_values_are_sent_when_it_is_closed(self) -> None:
        if self.pulls:
            skip("`pulls` is True: nothing is sent")
        registry = filled_registry()
        with self._live(registry) as export:
            self._first_has_arrived()
            registry.gauge("suite_temperature_celsius").set(-40.5)
            export.close(10.0)
            self._arrives("suite_temperature_celsius", {}, -40.5)

    def test_odd_labels_and_values_harm_no_other(self) -> None:
        self._works_alone()
        registry = filled_registry()
        odd = registry.gauge("suite_odd", labels=["text"])
        for text, value in {_ODD: 1.0, "nan": math.nan, "inf": math.inf, "x" * 500: -1e308}.items():
            odd.set(value, {"text": text})
        registry.counter("suite_huge_total").inc(1e300)
        registry.gauge("suite_temperature_celsius").set(-3.25)
        another = {} if self.pulls else {"service": "odd"}  # another series than that of `_works_alone`
        with self._live(registry, {**OWN, **another}):
            self._arrives("suite_temperature_celsius", another, -3.25)
            self._arrives("suite_orders_total", {**another, "side": "buy"}, 3.0)

    def test_two_at_a_time_do_not_disturb_each_other(self) -> None:
        exporter, destination = self.made(), self.destination()
        self._works_alone()
        one, two = RegistrySource(filled_registry()), RegistrySource(filled_registry(), {**OWN, "service": "second"})
        exports = [exporter.start(source, destination) for source in (one, two)] if not self.pulls else []
        if not exports:
            skip("`pulls` is True: the backend asks each by its own address")
        try:
            for export in exports:
                export.flush(5.0)
            self._arrives("suite_temperature_celsius", {}, 21.5)
            self._arrives("suite_temperature_celsius", {"service": "second"}, 21.5)
        finally:
            for export in exports:
                export.close(1.0)

    # For the tests.

    def _start(self, source: Source, destination: Destination) -> Export:
        export: Export = self.made().start(source, destination)
        return export

    @contextmanager
    def _started(self, source: Source, destination: Destination) -> Iterator[Export]:
        export = self._start(source, destination)
        try:
            yield export
        finally:
            raised(lambda: export.close(0.5))  # whether it may be closed twice is asked elsewhere

    @contextmanager
    def _live(self, registry: MetricsRegistry, own: Mapping[str, str] = OWN) -> Iterator[Export]:
        with self._started(RegistrySource(registry, own), self.destination()) as export:
            export.flush(5.0)
            yield export

    def _works_alone(self) -> None:
        with self._live(filled_registry()):
            self._first_has_arrived()

    def _first_has_arrived(self) -> None:
        def arrived() -> bool:
            orders = self._has("suite_orders_total", {"side": "buy"}, 3.0)
            return orders and self._has("suite_temperature_celsius", {}, 21.5)

        if not becomes(arrived, ARRIVAL):
            skip("nothing arrives, see test_the_values_arrive_with_their_names_and_labels")

    def _has(self, name: str, labels: Mapping[str, str], value: float) -> bool:
        newest = {(each.name, frozenset(each.labels.items())): each.value for each in self.received()}
        wanted = {**({} if self.pulls else OWN), **labels}.items()
        return any(key[0] == name and set(wanted) <= key[1] and found == value for key, found in newest.items())

    def _arrives(self, name: str, labels: Mapping[str, str], value: float) -> None:
        if becomes(lambda: self._has(name, labels, value), ARRIVAL):
            return
        lines = [f"{each.name}{dict(each.labels)} {each.value}" for each in list(self.received())[-8:]]
        there = "; ".join(line if len(line) < 200 else f"{line[:200]}..." for line in lines)
        hold(
            False,
            f"{name}{dict(labels)} {value} did not arrive; what is there: {there or 'nothing'}",
            "each value arrives with its name byte for byte and with all of its labels, the service's own among them",
            "compare `send` with what `received` makes of it",
        )
