"""Who is told about an alert: receivers, routing by severity and team, time intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from tapewatch.schema.types import Duration, FilePath, Model, Name, Url

__all__ = [
    "Email",
    "PagerDuty",
    "Receiver",
    "Routing",
    "SeverityRoute",
    "Slack",
    "TimeInterval",
    "TimeRange",
    "Timing",
    "Webhook",
]


class Webhook(Model):
    """An HTTP receiver. A URL that is itself a secret is named by `url_file`."""

    url: Url | None = None
    url_file: FilePath | None = None
    credentials_file: FilePath | None = None
    """Bearer token that is sent along."""
    send_resolved: bool = True
    max_alerts: int = Field(0, ge=0)
    """Alerts in one message; 0 for all."""


class Slack(Model):
    """A Slack channel."""

    channel: str
    api_url_file: FilePath
    send_resolved: bool = True


class PagerDuty(Model):
    """A PagerDuty service (Events API v2)."""

    routing_key_file: FilePath
    send_resolved: bool = True


class Email(Model):
    """An e-mail address and the server that delivers to it."""

    to: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    from_: str = Field(alias="from", pattern=r"^[^@\s]+@[^@\s]+$")
    smarthost: str = Field(pattern=r"^[^:\s]+:\d+$")
    username: str | None = None
    password_file: FilePath | None = None
    require_tls: bool = True
    send_resolved: bool = True


class Receiver(Model):
    """Somebody who is told, by any number of ways at once."""

    webhook: tuple[Webhook, ...] = ()
    slack: tuple[Slack, ...] = ()
    pagerduty: tuple[PagerDuty, ...] = ()
    email: tuple[Email, ...] = ()


class SeverityRoute(Model):
    """How alerts of one severity are grouped, timed and delivered."""

    receiver: Name
    """Who is told when the alert's team has no receiver of its own."""
    group_by: tuple[str, ...] | None = None
    group_wait: Duration | None = None
    group_interval: Duration | None = None
    repeat_interval: Duration | None = None
    mute: tuple[Name, ...] = ()
    """Time intervals in which nobody is told."""
    active: tuple[Name, ...] = ()
    """Time intervals outside of which nobody is told."""


class Timing(NamedTuple):
    """Grouping and timing of the notifications of one severity, complete."""

    group_by: tuple[str, ...]
    group_wait: str
    group_interval: str
    repeat_interval: str


_TIMING = {
    "critical": Timing(("environment", "service", "alertname"), "0s", "10s", "1h"),
    "high": Timing(("environment", "service", "alertname"), "30s", "1m", "4h"),
    "medium": Timing(("environment", "team"), "5m", "5m", "12h"),
}
"""What holds where the catalogue says nothing: the more urgent, the sooner and the more often."""


class Routing(Model):
    """Receivers by severity and team. What is not given about grouping and timing follows the severity."""

    critical: SeverityRoute
    high: SeverityRoute
    medium: SeverityRoute
    teams: dict[Name, dict[Literal["critical", "high", "medium"], Name]] = {}
    """Receivers of a team, by severity."""

    @property
    def by_severity(self) -> Mapping[str, SeverityRoute]:
        """The three routes by severity, most urgent first."""
        return {"critical": self.critical, "high": self.high, "medium": self.medium}

    def timing(self, severity: str) -> Timing:
        """Grouping and timing of a severity, what the catalogue leaves out filled in."""
        given = self.by_severity[severity]
        return Timing(*(getattr(given, key) or default for key, default in _TIMING[severity]._asdict().items()))


class TimeRange(Model):
    """From `start` to `end` of one day, `HH:MM`."""

    start: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    end: str = Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")


def _time_zone(value: str) -> str:
    known = available_timezones()  # empty without a time zone database: then Alertmanager has the last word
    if known and value not in known:
        raise PydanticCustomError(
            "bad_time_zone",
            "{value} is not a time zone",
            {"value": repr(value), "must": "an IANA time zone such as Europe/London or UTC"},
        )
    return value


_WEEKDAY = "(sunday|monday|tuesday|wednesday|thursday|friday|saturday)"
_MONTH = "(january|february|march|april|may|june|july|august|september|october|november|december|0?[1-9]|1[0-2])"
_DAY = "-?(0?[1-9]|[12][0-9]|3[01])"

Weekdays = Annotated[str, StringConstraints(pattern=f"^{_WEEKDAY}(:{_WEEKDAY})?$")]
"""A day of the week, or a range of them: `saturday`, `monday:friday`."""

DaysOfMonth = Annotated[str, StringConstraints(pattern=f"^{_DAY}(:{_DAY})?$")]
"""A day of the month or a range, counted from the end when negative: `1`, `1:5`, `-3:-1`."""

Months = Annotated[str, StringConstraints(pattern=f"^{_MONTH}(:{_MONTH})?$")]
"""A month or a range, by name or number: `january`, `5:8`."""

Years = Annotated[str, StringConstraints(pattern=r"^\d{4}(:\d{4})?$")]
"""A year or a range: `2030`, `2030:2032`."""


class TimeInterval(Model):
    """A time interval as Alertmanager has it: all given parts must hold."""

    times: tuple[TimeRange, ...] = ()
    weekdays: tuple[Weekdays, ...] = ()
    days_of_month: tuple[DaysOfMonth, ...] = ()
    months: tuple[Months, ...] = ()
    years: tuple[Years, ...] = ()
    location: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    """IANA time zone."""
