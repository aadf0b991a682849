"""Events: what happened in a trading service, for whoever wants to know, and for the audit trail.

`DEFAULT_BUS.publish(Event(...))` hands an event to every subscriber without ever holding up the code that publishes.
A `SpooledSink` keeps the events of the audit trail on disk until the project's API has them.
"""

from tapewatch_sdk.events.bus import DEFAULT_BUS, BusStats, EventBus, SubscriberStats, Subscription
from tapewatch_sdk.events.event import AUDIT_TYPES, TRADE_TYPES, Event, EventSeverity, EventType
from tapewatch_sdk.events.sending import HttpSender
from tapewatch_sdk.events.sink import API_VERSION, EventSink, EventsRefusedError
from tapewatch_sdk.events.spool import SpooledSink, SpoolStats

__all__ = [
    "API_VERSION",
    "AUDIT_TYPES",
    "DEFAULT_BUS",
    "TRADE_TYPES",
    "BusStats",
    "Event",
    "EventBus",
    "EventSeverity",
    "EventSink",
    "EventType",
    "EventsRefusedError",
    "HttpSender",
    "SpoolStats",
    "SpooledSink",
    "SubscriberStats",
    "Subscription",
]
