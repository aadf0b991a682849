"""The targets of a drill, come to life: they answer scrapes, stop answering, leave the list, or push."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tapewatch.documents import dump
from tapewatch.drilling.exposition import Families, otlp_request, scrape_text
from tapewatch.drilling.scenario import START, DrillTarget, Moment, Scenario
from tapewatch.drilling.venue import Venue
from tapewatch.rules.values import Absent
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.names import DRILL_PREFIX, EXPECTED
from tapewatch_sdk.problems import Place, Problem

__all__ = ["Stage"]

TICK = 0.02
"""Seconds between two looks at the clock; a step is never later than that."""

HEADER = "Made by a running `tapewatch drill`, which takes it away at its end."

OTLP = "/api/v1/otlp/v1/metrics"
"""Prometheus's OTLP receiver."""


class Stage:
    """Plays scenarios as long as its `with` block lasts.

    All targets stand in one file of targets and all expected services in one file of rules, so that Prometheus has
    little to read. The clock stands at step 0 until `start`.

    Parameters:
        scenarios: what is played, all at once.
        venue: where.
        families: tells the type of each sample.
        name: sets this run's files apart from those of another.
    """

    def __init__(self, scenarios: Sequence[Scenario], venue: Venue, families: Families, name: str) -> None:
        self._venue = venue
        self._families = families
        self._targets_file = venue.folder / "targets" / f"{DRILL_PREFIX}{name}.yml"
        self._rules_file = venue.folder / "rules" / f"{DRILL_PREFIX}{name}.yml"
        self._clocks = {id(each): _Clock(each) for each in scenarios}
        self._actors = [_Actor(target, self._clocks[id(each)], self) for each in scenarios for target in each.targets]
        self._expected = [actor.target for actor in self._actors if actor.target.expected]
        self._began: float | None = None
        self._ended = threading.Event()
        self._failed: ToolError | None = None
        self._thread = threading.Thread(target=self._play, name="drill", daemon=True)

    @property
    def venue(self) -> Venue:
        """Where it is played."""
        return self._venue

    @property
    def families(self) -> Families:
        """Tells the type of each sample."""
        return self._families

    @property
    def expected(self) -> frozenset[str]:
        """The services that are drilled for being missed."""
        return frozenset(target.service for target in self._expected)

    def expect(self) -> None:
        """Let the server expect these services; it must have seen them before, or it would miss them at once."""
        labels = {tuple(sorted(target.labels.items())) for target in self._expected}
        if labels:
            rules = [{"record": EXPECTED, "expr": "vector(1)", "labels": dict(each)} for each in sorted(labels)]
            group = {"name": self._rules_file.stem, "rules": rules}
            _replace(self._rules_file, dump({"groups": [group]}, HEADER))
            _reload(self._venue)

    def elapsed(self) -> float:
        """Seconds since `start`; 0 before it."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def start(self) -> None:
        """Let the clock run."""
        self._began = time.monotonic()

    def check(self) -> None:
        """See that the targets are still played.

        Raises:
            ToolError: a file could not be written, or a target could not listen.
        """
        if self._failed is not None:
            raise self._failed

    def release(self, scenario: Scenario) -> None:
        """Let a scenario go on to its end, now that its alerts were delivered; without an end it is taken away."""
        self._clocks[id(scenario)].release(self.elapsed())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def _clear(self) -> None:
        """Takes everything away again; Prometheus then sees every target leave, which resolves what still fires."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        for actor in self._actors:
            actor.close()
        self._targets_file.unlink(missing_ok=True)
        if self._rules_file.exists():
            self._rules_file.unlink()
            with suppress(ToolError):  # a server that is gone has forgotten them anyway
                _reload(self._venue)

    def _play(self) -> None:
        listed = None
        try:
            while not self._ended.is_set():
                for actor in self._actors:
                    actor.act(self.elapsed())
                groups = [group for actor in self._actors if (group := actor.group())]
                if groups != listed:
                    _replace(self._targets_file, dump(groups, HEADER))
                    listed = groups
                self._ended.wait(TICK)
        except ToolError as error:
            self._failed = error


class _Clock:
    """How far one scenario has come; it stays before the end until it is released."""

    def __init__(self, scenario: Scenario) -> None:
        self.interval = scenario.interval
        self._hold = scenario.hold
        self._endless = all(each.until is None for each in scenario.expects)
        self._stayed: int | None = None

    @property
    def over(self) -> bool:
        """Whether a scenario without an end of its own has been released."""
        return self._endless and self._stayed is not None

    def at(self, elapsed: float) -> Moment:
        """The moment, so many seconds after the start."""
        steps = int(elapsed / self.interval)
        extra = self._extra(steps) if self._stayed is None else self._stayed
        return Moment(steps - extra, self._hold, extra)

    def release(self, elapsed: float) -> None:
        if self._stayed is None:
            self._stayed = self._extra(int(elapsed / self.interval))

    def _extra(self, steps: int) -> int:
        return max(0, steps - self._hold)


class _Actor:
    """One target and the moment that it has reached."""

    def __init__(self, target: DrillTarget, clock: _Clock, stage: Stage) -> None:
        self.target = target
        self.moment = START
        self._clock = clock
        self._stage = stage
        self._server: _Answering | None = None
        self._port = 0
        self._started = time.time()
        self._turn: int | None = None

    def act(self, elapsed: float) -> None:
        """Do what the target does at this time."""
        self.moment = self._clock.at(elapsed)
        if self._clock.over:
            self.close()
        elif self.target.pushed:
            self._push(elapsed)
        elif self.target.up.at(self.moment) == 1.0:
            self._answer()
        else:
            self.close()

    def group(self) -> dict[str, Any] | None:
        """Its entry in the file of targets; none while it is not in the list."""
        gone = self._clock.over or isinstance(self.target.up.at(self.moment), Absent)
        if gone or self.target.pushed or not self._port:
            return None
        instance = {"instance": f"{self.target.service}:{self.target.instance}"} if self.target.instance else {}
        return {"targets": [f"{self._stage.venue.reach}:{self._port}"], "labels": {**self.target.labels, **instance}}

    def close(self) -> None:
        """Stop answering: nobody listens on its port any more."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _answer(self) -> None:
        if self._server is None:
            self._server = _Answering(self, self._stage, self._port)
            self._port = self._server.port

    def _push(self, elapsed: float) -> None:
        """Once each step, if there is anything to push; before the start as well, to be seen."""
        now = time.time()
        interval = self._clock.interval
        turn = int(elapsed / interval) if elapsed else -int(now / interval)
        if turn == self._turn:
            return
        self._turn = turn
        if self.target.exposes(self.moment):
            body = otlp_request(self.target, self.moment, self._stage.families, self._started, now)
            for server in self._stage.venue.told:
                with suppress(ToolError):  # the drill goes on, and says that nothing arrived
                    server.post(OTLP, body, {"Content-Type": "application/json"})


class _Answering:
    """Answers scrapes of one target, on a port of its own."""

    def __init__(self, actor: _Actor, stage: Stage, port: int) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_GET(self) -> None:
                body = scrape_text(actor.target, actor.moment, stage.families).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                # A connection that is kept open would outlive the end of this server.
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
                """Says nothing: the drill reports what the server saw."""

        address = (stage.venue.listen, port)
        try:
            self._server = ThreadingHTTPServer(address, Handler)
        except OSError as error:
            raise ToolError([_cannot_listen(*address, error)]) from error
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _reload(venue: Venue) -> None:
    """Of several servers one may be down: it reads its files when it comes back."""
    venue.prometheus.reload()
    for each in venue.others:
        with suppress(ToolError):
            each.reload()


def _replace(path: Path, text: str) -> None:
    """Write a file that a server may read at any moment."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(text, encoding="utf-8")
        new.chmod(0o644)  # in its container the server is another user
        new.replace(path)
    except OSError as error:
        raise ToolError([_cannot_write(path, error)]) from error


def _cannot_write(path: Path, error: OSError) -> Problem:
    return Problem(
        code="drill/folder",
        summary=f"a drill cannot write {path}: {error.strerror or error}",
        must="the folders of Prometheus's targets and rules are there, and this user may write into them",
        fix="run `tapewatch generate`, or correct the owner of the folder",
        where=Place(file=str(path.parent)),
    )


def _cannot_listen(host: str, port: int, error: OSError) -> Problem:
    return Problem(
        code="drill/target",
        summary=f"a target of a drill cannot listen on {host}:{port or '(any port)'}: {error.strerror or error}",
        must="this machine has the address, and a port that a target had before is free when it answers again",
        fix="drill again",
        where=Place(path=f"{host}:{port}"),
    )
