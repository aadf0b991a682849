"""Takes what Alertmanager sends, in place of the history."""

from __future__ import annotations

from collections.abc import Mapping

from tapewatch.simulating.scene import Actor, Handler
from tapewatch.simulating.wire import Answer

__all__ = ["WEBHOOK", "Webhook"]

WEBHOOK = "/api/alerts/webhook"
"""Where the history takes Alertmanager's messages; the sample's receivers point there."""


class Webhook(Actor):
    """Writes a line for each alert that arrives."""

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """The webhook."""
        return {("POST", WEBHOOK): self._take}

    def _take(self, message: Answer, _headers: Mapping[str, str]) -> Answer:
        receiver = str(message["receiver"])
        for alert in [(str(each["status"]), dict(each["labels"])) for each in message["alerts"]]:
            status, labels = alert
            self.log("alert", receiver=receiver, status=status, alert=labels["alertname"], labels=labels)
        return {"status": "ok"}
