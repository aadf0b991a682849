"""What happened, when, where and how bad it is: the event, and the kinds of events there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from tapewatch_sdk.events._ids import new_id
from tapewatch_sdk.events._plain import plain, text_of

__all__ = ["AUDIT_TYPES", "TRADE_TYPES", "Event", "EventSeverity", "EventType"]

_Kind = TypeVar("_Kind", bound=StrEnum)


class EventType(StrEnum):
    """What an event tells of. A trip of the circuit breaker is a `KILL_SWITCH_TRIGGERED` whose data says so."""

    CYCLE_START = "CYCLE_START"
    CYCLE_END = "CYCLE_END"
    TRADE_SUBMITTED = "TRADE_SUBMITTED"
    TRADE_FILLED = "TRADE_FILLED"
    TRADE_REJECTED = "TRADE_REJECTED"
    DECISION_MADE = "DECISION_MADE"
    KILL_SWITCH_TRIGGERED = "KILL_SWITCH_TRIGGERED"
    DAILY_LOSS_WARNING = "DAILY_LOSS_WARNING"
    DRAWDOWN_WARNING = "DRAWDOWN_WARNING"
    POSITION_LIMIT_WARNING = "POSITION_LIMIT_WARNING"
    ENGINE_START = "ENGINE_START"
    ENGINE_STOP = "ENGINE_STOP"
    ERROR = "ERROR"
    CONNECTION_LOST = "CONNECTION_LOST"
    CONNECTION_RESTORED = "CONNECTION_RESTORED"
    QUOTE_STALE = "QUOTE_STALE"
    DATA_ERROR = "DATA_ERROR"
    ALERT_FIRING = "ALERT_FIRING"
    ALERT_RESOLVED = "ALERT_RESOLVED"


class EventSeverity(StrEnum):
    """How bad an event is; the severities of alerts and of problems are others."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


AUDIT_TYPES = frozenset(
    {
        EventType.KILL_SWITCH_TRIGGERED,
        EventType.TRADE_REJECTED,
        EventType.ENGINE_START,
        EventType.ENGINE_STOP,
        EventType.ALERT_FIRING,
        EventType.ALERT_RESOLVED,
    }
)
"""The events of the audit trail: kill switch and breaker trips, rejected orders, engine start and stop, alerts."""

TRADE_TYPES = frozenset({EventType.TRADE_SUBMITTED, EventType.TRADE_FILLED, EventType.TRADE_REJECTED})
"""The events of an order's life, which the API keeps as trades."""


@dataclass(frozen=True, slots=True, init=False)
class Event:
    """One thing that happened. Two events are equal when all of their fields are.

    Making one never raises: a time without a zone is taken as UTC, one of another zone is converted, what is no time at
    all becomes the present; what is no mapping is kept under the key `value`; a type or severity that this version does
    not know stays as its text.

    Parameters:
        event_type: what it tells of.
        timestamp: when it happened; the present unless given.
        data: what else there is to say; copied one level deep, so that the caller may go on changing its own.
        source: the service, or the part of it, that the event comes from.
        severity: how bad it is.
        id: tells events apart wherever they are sent twice (a UUID of version 7 unless given).
    """

    event_type: EventType
    timestamp: datetime
    data: Mapping[str, Any]
    source: str
    severity: EventSeverity
    id: str

    def __init__(
        self,
        event_type: EventType,
        timestamp: datetime | None = None,
        data: Mapping[str, Any] | None = None,
        source: str = "",
        severity: EventSeverity = EventSeverity.INFO,
        id: str = "",  # noqa: A002 -- the field's name
    ) -> None:
        # The slots themselves, because a frozen dataclass's own way takes twice as long.
        _put_type(self, event_type if type(event_type) is EventType else _member(EventType, event_type))
        _put_timestamp(self, datetime.now(UTC) if timestamp is None else _utc(timestamp))
        _put_data(self, {} if data is None else _copied(data))
        _put_source(self, source if type(source) is str else text_of(source))
        _put_severity(self, severity if type(severity) is EventSeverity else _member(EventSeverity, severity))
        _put_id(self, id if type(id) is str and id else _id(id))

    def __hash__(self) -> int:
        return hash(self.id)

    def to_dict(self) -> dict[str, Any]:
        """The event as plain data that `json.dumps` takes, whatever its data holds; see `from_dict`."""
        return {
            "id": text_of(self.id),
            "event_type": str(self.event_type),
            "timestamp": self.timestamp.isoformat(timespec="microseconds"),
            "severity": str(self.severity),
            "source": text_of(self.source),
            "data": plain(self.data),
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Event:
        """The event that `to_dict` gave; a missing id is made anew.

        Raises:
            ValueError: it is no event: a field is missing or of another kind, the type or severity is unknown.
        """
        try:
            return cls(
                EventType(found["event_type"]),
                datetime.fromisoformat(found["timestamp"]),
                _checked(found.get("data", {}), dict),
                _checked(found.get("source", ""), str),
                EventSeverity(found.get("severity", EventSeverity.INFO)),
                _checked(found.get("id") or new_id(), str),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no event: {type(error).__name__}: {error}") from error


_put_type, _put_timestamp, _put_data, _put_source, _put_severity, _put_id = (
    vars(Event)[each.name].__set__ for each in fields(Event)
)

_Value = TypeVar("_Value")


def _checked(value: Any, kind: type[_Value]) -> _Value:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r:.80} is no {kind.__name__}")
    return value


def _member(kind: type[_Kind], value: Any) -> _Kind | str:
    try:
        return kind(value)
    except Exception:  # noqa: BLE001 -- whatever was given, the trading code goes on
        return text_of(value)


def _id(value: object) -> str:
    return (text_of(value) if value is not None else "") or new_id()


def _utc(value: object) -> datetime:
    try:
        if isinstance(value, datetime):
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except Exception:  # noqa: BLE001, S110 -- a time next to the end of time, or a zone that raises
        pass
    return datetime.now(UTC)


def _copied(value: Any) -> dict[str, Any]:
    try:
        return dict(value)
    except Exception:  # noqa: BLE001 -- a mapping of the caller's may raise whatever it likes
        return {"value": value}
