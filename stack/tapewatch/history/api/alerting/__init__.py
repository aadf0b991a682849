"""Alerts: whether they fire is read from Prometheus itself, what was delivered comes from Alertmanager's webhook.

| module | what |
|---|---|
| prometheus | what is asked of a Prometheus |
| spans | the times for which alerts fired, from its series `ALERTS` and `ALERTS_FOR_STATE` |
| trail | from alerts to events of the audit trail, each change once |
| watch | the loop that asks, and fills the gap in which nobody asked |
| delivered | a message of the webhook as events and rows |
"""

from __future__ import annotations

from tapewatch.history.api.alerting.delivered import DELIVERIES, delivered
from tapewatch.history.api.alerting.prometheus import Prometheus, Shards
from tapewatch.history.api.alerting.watch import Watch

__all__ = ["DELIVERIES", "Prometheus", "Shards", "Watch", "delivered"]
