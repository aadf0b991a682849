"""Why a drill got no further: what the servers say about the step that is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tapewatch.drilling.differences import differences
from tapewatch.drilling.steps import Outcome, Step, Track
from tapewatch.drilling.venue import Venue
from tapewatch_sdk.errors import ToolError

__all__ = ["explain"]


def explain(outcome: Outcome, track: Track, venue: Venue) -> str:
    """The reason in words, with the servers' last answers.

    Parameters:
        outcome: the drill.
        track: the alert of it that is late.
        venue: the stack.
    """
    reasons = {
        Step.SCRAPED: _not_scraped,
        Step.FIRING: _not_firing,
        Step.ALERTMANAGER: _not_held,
        Step.DELIVERED: _not_delivered,
        Step.RESOLVED: _not_resolved,
    }
    awaited = track.next
    assert awaited is not None  # one that is late waits for something
    try:
        return "; ".join(reasons[awaited](outcome, track, venue))
    except ToolError as error:
        return f"not {awaited}: {error}"


def _not_scraped(outcome: Outcome, _track: Track, venue: Venue) -> Iterator[str]:
    yield "Prometheus did not get the drill's samples"
    targets = venue.prometheus.get_json("/api/v1/targets", state="active")["data"]["activeTargets"]
    ours = [target for target in targets if target["labels"].get("service") in outcome.scenario.services]
    errors = {target["lastError"] for target in ours if target["lastError"]}
    scraped = any(not target.pushed for target in outcome.scenario.targets)
    if errors:
        yield f"it says: {', '.join(sorted(errors))}"
        yield f"it must be able to reach {venue.reach}; a firewall may stand between them"
    elif scraped and not ours:
        yield f"it has not noticed the file of targets in {venue.folder / 'targets'}; does it read that folder?"
    elif not scraped:
        yield "what is pushed to its OTLP receiver does not arrive; is it on (--web.enable-otlp-receiver)?"


def _not_firing(outcome: Outcome, track: Track, venue: Venue) -> Iterator[str]:
    rule = outcome.scenario.rule
    loaded = venue.prometheus.rules()
    yield "it was pending, but did not fire" if Step.PENDING in track.steps else "its condition never held"
    for each in loaded:
        if each["name"] in (rule.alert, *(record.record for record in rule.records)) and each.get("lastError"):
            yield f"its rule fails: {each['lastError']}"
    found = list(differences(rule, loaded, _formatter(venue)))
    yield from found
    if found:
        yield "generate and reload"


def _formatter(venue: Venue) -> Callable[[str], str]:
    """An expression in Prometheus's own layout."""
    return lambda expr: str(venue.prometheus.get_json("/api/v1/format_query", query=expr)["data"])


def _not_held(_outcome: Outcome, _track: Track, venue: Venue) -> Iterator[str]:
    yield "it fires in Prometheus, but Alertmanager does not have it"
    known = venue.prometheus.get_json("/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
    yield f"Prometheus sends to {', '.join(each['url'] for each in known) or 'no Alertmanager at all'}"


def _not_delivered(_outcome: Outcome, track: Track, venue: Venue) -> Iterator[str]:
    yield "Alertmanager has it, but told nobody"
    for alert in _held(track, venue):
        status = alert["status"]
        if status["inhibitedBy"]:
            yield f"another alert inhibits it: {', '.join(status['inhibitedBy'])}"
        if status["silencedBy"]:
            yield f"a silence hides it: {', '.join(status['silencedBy'])}"
        yield f"its receivers: {', '.join(each['name'] for each in alert['receivers'])}; see Alertmanager's log"


def _not_resolved(_outcome: Outcome, track: Track, venue: Venue) -> Iterator[str]:
    if track.gone is None:
        yield "it still fires in Prometheus although what caused it has ended"
        return
    yield "it ended in Prometheus, but no receiver was told"
    if _held(track, venue):
        yield "Alertmanager still has it"


def _held(track: Track, venue: Venue) -> list[dict[str, Any]]:
    matchers = [f'{name}="{track.labels[name]}"' for name in ("alertname", "service")]
    alerts = venue.alertmanager.alerts(*matchers)
    return [alert for alert in alerts if track.labels.items() <= alert["labels"].items()]
