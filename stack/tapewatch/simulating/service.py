"""One service of the platform, as long as its process lives."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from tapewatch.simulating.audit import HISTORY, audited
from tapewatch.simulating.control import Channel
from tapewatch.simulating.faults import Faults
from tapewatch.simulating.market import Market
from tapewatch.simulating.meters import Meters
from tapewatch.simulating.plan import Plan, ServicePlan
from tapewatch.simulating.push import Pushes, Together
from tapewatch.simulating.scene import Actor, Handler, Scene
from tapewatch.simulating.server import Answers, Listening, Port
from tapewatch.simulating.services import PLAYERS
from tapewatch.simulating.services.rest import Rest
from tapewatch.simulating.services.webhook import Webhook
from tapewatch.simulating.tokens import kill_switch_token
from tapewatch.simulating.wire import HttpWire
from tapewatch_sdk import logs, tracing
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import AUDIT_TYPES, Event, EventBus, EventSeverity, EventType
from tapewatch_sdk.instruments import set_exemplar_source

__all__ = ["actors_of", "run"]

BEAT = 0.2
"""Real seconds from one look at the time to the next."""

LONGEST = 5.0
"""Real seconds that are made up for; a machine that slept for longer has missed the rest."""

LISTENS_ON = 0.5
"""Seconds that the history lives on, so that it hears of the end of the others."""

_LOUD = frozenset({EventSeverity.WARNING, EventSeverity.ERROR, EventSeverity.CRITICAL})


def actors_of(plan: Plan, service: ServicePlan, scene: Scene) -> list[Actor]:
    """The actors of a service: those who play its domains, and one for the families that nobody knows."""
    actors = [player(scene) for player in PLAYERS if player.domains & set(service.plays)]
    known = {domain for actor in actors for domain in actor.domains if domain in service.plays}
    rest = [family for family in plan.of(service) if family.domain not in known]
    if service.name == HISTORY:
        actors.append(Webhook(scene))
    return [*actors, Rest(scene, rest)] if rest else actors


def run(plan: Plan, service: ServicePlan, began: float, channel: Channel) -> None:
    """Be that service until the channel closes, or `channel.stop` is set.

    Parameters:
        plan: the whole platform.
        service: which of it.
        began: when the simulation began, on this machine's monotonic clock.
        channel: to the supervisor.

    Raises:
        OSError: a port cannot be bound.
    """
    with _told(plan, service, channel) as say, ExitStack() as running:
        bus = EventBus(source=service.name)
        bus.subscribe(None, lambda event: _log_event(say, event), name="log")
        wire = _wire(plan, bus)
        started = time.time() - (time.monotonic() - began) * plan.speed
        scene = Scene(
            service.name, Meters(plan.of(service)), Market(plan.seed, plan.rate), wire, Faults(), bus, say, plan.seed,
            started, kill_switch_token,
        )  # fmt: skip
        actors = actors_of(plan, service, scene)
        running.callback(bus.close)
        running.enter_context(audited(bus, plan, service.name, channel.say))
        answers = Answers(service.name, service.metrics, scene.meters, _routes(actors), lambda: _unready(actors))
        running.enter_context(Listening([Port(plan.listen, port, answers) for port in service.ports]))
        channel.faults(scene.faults.update)
        for actor in actors:
            actor.begin((time.monotonic() - began) * plan.speed)
        answers.begun.set()
        wire.tells = True
        together = Together(scene.meters.registry, scene.moment)
        running.enter_context(Pushes(plan, service, together, channel.say))
        bus.emit(EventType.ENGINE_START)
        channel.ready()
        _live(actors, began, plan.speed, channel.stop)
        bus.emit(EventType.ENGINE_STOP)
        if service.name == HISTORY:
            time.sleep(LISTENS_ON)


def _live(actors: list[Actor], began: float, speed: float, stop: threading.Event) -> None:
    last = time.monotonic()
    while not stop.is_set():
        now = time.monotonic()
        last = max(last, now - LONGEST)
        while last < now:
            last = min(now, last + BEAT)
            for actor in actors:
                actor.advance((last - began) * speed)
        stop.wait(max(0.0, BEAT - (time.monotonic() - now)))


def _wire(plan: Plan, bus: EventBus) -> HttpWire:
    def changed(role: str, error: str) -> None:
        kind = EventType.CONNECTION_LOST if error else EventType.CONNECTION_RESTORED
        severity = EventSeverity.WARNING if error else EventSeverity.INFO
        bus.emit(kind, {"connection": role, "error": error}, severity=severity)

    return HttpWire(plan.peers, changed)


def _routes(actors: list[Actor]) -> Mapping[tuple[str, str], Handler]:
    return {key: handler for actor in actors for key, handler in actor.routes().items()}


def _unready(actors: list[Actor]) -> str:
    return next(filter(None, (actor.unready() for actor in actors)), "")


@contextmanager
def _told(plan: Plan, service: ServicePlan, channel: Channel) -> Iterator[Callable[..., None]]:
    """Logs and traces of the service, sent where the environment says so."""

    def log_to(endpoint: str | None) -> Callable[[], object]:
        return logs.configure_logs(
            service.name, plan.environment, team=service.team, level=plan.level, endpoint=endpoint
        ).close

    def trace_to(endpoint: str | None) -> Callable[[], object]:
        return tracing.configure(service.name, service.team, plan.environment, endpoint, service.sampling).close

    with ExitStack() as closing:
        for configure in (log_to, trace_to):
            try:
                closing.callback(configure(None))
            except ProblemsError as error:  # without the extra `otel` it runs as well, and nothing is sent
                channel.say(f"{service.name}: {error}")
                closing.callback(configure(""))
        set_exemplar_source(tracing.current_exemplar)
        logger = logs.get_logger(service.name)

        def say(message: str, *, level: int = logging.INFO, **fields: Any) -> None:
            logger.log(level, message, extra=fields)

        yield say


def _log_event(say: Callable[..., None], event: Event) -> None:
    if event.event_type in AUDIT_TYPES or event.severity in _LOUD:
        loud = event.severity in _LOUD
        say("event", level=logging.WARNING if loud else logging.INFO, event=event.event_type, data=dict(event.data))
