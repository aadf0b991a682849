"""What Alertmanager and the services send to the history, taken in its place."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any

from tapewatch.simulating.scene import Actor, Handler, Scene
from tapewatch.simulating.wire import Answer
from tapewatch_sdk.events import Event

__all__ = ["EVENTS", "WEBHOOK", "Webhook"]

WEBHOOK = "/api/alerts/webhook"
"""Where the history takes Alertmanager's messages; the sample's receivers point there."""

EVENTS = "/api/events"
"""Where it takes the events of the audit trail; `HttpSender` posts them there."""

SHOWN = 200
"""The newest events that are kept to be looked at."""

KNOWN = 10_000
"""Events whose id is remembered, so that one that comes a second time is stored once."""


class Webhook(Actor):
    """Writes a line for each alert and for each event that arrives.

    Parameters:
        scene: what it stands in.
    """

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._known: OrderedDict[str, None] = OrderedDict()
        self._newest: deque[dict[str, Any]] = deque(maxlen=SHOWN)

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """The webhook, and the audit trail."""
        return {
            ("POST", WEBHOOK): self._take,
            ("POST", EVENTS): self._store,
            ("GET", EVENTS): lambda *_: {"events": list(self._newest)},
        }

    def _take(self, message: Answer, _headers: Mapping[str, str]) -> Answer:
        receiver = str(message["receiver"])
        for alert in [(str(each["status"]), dict(each["labels"])) for each in message["alerts"]]:
            status, labels = alert
            self.log("alert", receiver=receiver, status=status, alert=labels["alertname"], labels=labels)
        return {"status": "ok"}

    def _store(self, message: Answer, _headers: Mapping[str, str]) -> Answer:
        """Events -> how many of them were new; a batch with one that is none is refused whole."""
        events = [Event.from_dict(each) for each in message["events"]]
        with self.lock:
            new = [event for event in events if self._first(event.id)]
            self._newest += [event.to_dict() for event in new]
        for event in new:
            self.log("audit", id=event.id, event=event.event_type, source=event.source, data=dict(event.data))
        return {"stored": len(new)}

    def _first(self, name: str) -> bool:
        """Whether an id comes for the first time."""
        if name in self._known:
            return False
        self._known[name] = None
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return True
