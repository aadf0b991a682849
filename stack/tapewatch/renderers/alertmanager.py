"""Alertmanager: who is told of an alert, when, and which alerts say nothing new while another one fires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.alerting import Email, PagerDuty, Receiver, Slack, TimeInterval, Timing, Webhook
from tapewatch.catalogue.stack import Heartbeat
from tapewatch.documents import dump
from tapewatch.renderers.history import history_receiver, history_route, webhook_key
from tapewatch.renderers.where import Locate, Where, compose
from tapewatch.rules.parameters import format_duration
from tapewatch.schema import seconds
from tapewatch_sdk.names import (
    DRILL_NOTIFY_PREFIX,
    DRILL_PREFIX,
    DRILL_RECEIVER,
    HEARTBEAT,
    HEARTBEAT_RECEIVER,
    HEARTBEAT_SEVERITY,
)
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["AlertmanagerRenderer", "configuration"]

_DRILL = [f'service=~"{DRILL_PREFIX}.+"', f'service!~"{DRILL_NOTIFY_PREFIX}.+"']
_NO_DRILL = f'service!~"{DRILL_PREFIX}.+"'

_SLACK_TITLE = (
    "{{ .Status | toUpper }} {{ .CommonLabels.severity }}: {{ .CommonLabels.alertname }} {{ .CommonLabels.service }}"
)
_SLACK_TEXT = """\
{{ range .Alerts }}{{ .Annotations.summary }}
{{ .Annotations.action }}
{{ with .Annotations.runbook_url }}<{{ . }}|runbook>{{ end }}
{{ with .Annotations.dashboard_url }}<{{ . }}|dashboard>{{ end }}
{{ end }}"""

_PAGERDUTY_SEVERITY = (
    '{{ if eq .CommonLabels.severity "critical" }}critical{{ else if eq .CommonLabels.severity "high" }}error'
    "{{ else }}warning{{ end }}"
)
"""PagerDuty has severities of its own."""


class AlertmanagerRenderer:
    """`alertmanager/alertmanager.yml`.

    Parameters:
        locate: where the parts of the stack are; in compose, unless told otherwise.
    """

    name = "alertmanager"
    api_version = API_VERSION

    def __init__(self, locate: Locate = compose) -> None:
        self._locate = locate

    def render(self, request: Request) -> Iterator[File]:
        """The one file."""
        catalogue = cast(Catalogue, request.catalogue)
        found = configuration(catalogue, self._locate(catalogue.stack.ports))
        yield File(f"{layout.ALERTMANAGER}/alertmanager.yml", dump(found, layout.HEADER))


def configuration(catalogue: Catalogue, where: Where) -> dict[str, Any]:
    """The whole file as data; the same for every member."""
    beats = [catalogue.stack.heartbeat] if catalogue.stack.heartbeat else []
    found: dict[str, Any] = {
        "route": _root(catalogue),
        "inhibit_rules": _inhibitions(),
        "receivers": [
            *history_receiver(catalogue, where),
            *_receivers(catalogue, where),
            _drill(where),
            *(_heartbeat(beat) for beat in beats),
        ],
    }
    if catalogue.time_intervals:
        found["time_intervals"] = [
            {"name": name, "time_intervals": [_interval(each) for each in intervals]}
            for name, intervals in sorted(catalogue.time_intervals.items())
        ]
    return found


def _root(catalogue: Catalogue) -> dict[str, Any]:
    """The routing tree. An alert whose severity nobody knows is lost on nobody: it goes to the critical receiver."""
    routing, beat = catalogue.routing, catalogue.stack.heartbeat
    return {
        "receiver": routing.critical.receiver,
        **_timing(routing.timing("critical")),
        "routes": [
            *history_route(catalogue),
            *([_heartbeat_route(beat)] if beat else []),
            {"receiver": DRILL_RECEIVER, "matchers": _DRILL},
            *(_severity(catalogue, severity) for severity in routing.by_severity),
            # The root itself takes only what no route takes, and the history's takes everything.
            *([{"receiver": routing.critical.receiver}] if catalogue.stack.history else []),
        ],
    }


def _heartbeat_route(beat: Heartbeat) -> dict[str, Any]:
    """The route of the heartbeat, which gives one beat in each interval.

    Alertmanager looks at a group every `group_interval` and tells it again if it was last told longer than
    `repeat_interval` ago. It notes that time after the delivery, so a little later than the look: where the two are
    equal, the next look comes too early and the second one tells. So both are half the interval. With
    `repeat_interval` below `group_interval` every look would tell, but Alertmanager warns of that at each start.
    """
    half = format_duration(seconds(beat.interval) / 2)
    return {
        "receiver": HEARTBEAT_RECEIVER,
        "matchers": [f'alertname="{HEARTBEAT}"', f'severity="{HEARTBEAT_SEVERITY}"'],
        "group_by": ["alertname"],  # one beat, also of two Prometheis
        "group_wait": "0s",
        "group_interval": half,
        "repeat_interval": half,
    }


def _severity(catalogue: Catalogue, severity: str) -> dict[str, Any]:
    """The route of a severity, with a branch for each team that has a receiver of its own."""
    routing = catalogue.routing
    given = routing.by_severity[severity]
    # A branch inherits grouping and timing, but not the time intervals.
    intervals = {
        **({"mute_time_intervals": list(given.mute)} if given.mute else {}),
        **({"active_time_intervals": list(given.active)} if given.active else {}),
    }
    own = {team: receivers[severity] for team, receivers in sorted(routing.teams.items()) if severity in receivers}
    branches = [{"receiver": receiver, "matchers": [f'team="{team}"'], **intervals} for team, receiver in own.items()]
    return {
        "receiver": given.receiver,
        "matchers": [f'severity="{severity}"'],
        **_timing(routing.timing(severity)),
        **intervals,
        **({"routes": branches} if branches else {}),
    }


def _timing(timing: Timing) -> dict[str, Any]:
    return {**timing._asdict(), "group_by": list(timing.group_by)}


def _inhibitions() -> list[dict[str, Any]]:
    """Which alert silences which others.

    ServiceDown and TelemetryMissing say that a service cannot be seen at all, so what else is known of it is old. The
    two silence neither each other nor themselves.
    """
    unseen = 'alertname!~"ServiceDown|TelemetryMissing"'
    # A drill of the kill switch has its own service, but is in the real environment.
    kill_switch = ['alertname="KillSwitchActivated"', _NO_DRILL]
    return [
        _inhibition(['alertname="ServiceDown"', 'extent="all"'], [unseen], ["environment", "service"]),
        _inhibition(['alertname="TelemetryMissing"'], [unseen], ["environment", "service"]),
        _inhibition(kill_switch, ['alertname=~"OrderFillRateLow|OrderRejectionRateHigh"'], ["environment"]),
        _inhibition(
            ['alertname="DailyLossLimitExceeded"'],
            ['alertname="DailyLossLimitApproaching"'],
            ["environment", "service"],
        ),
        _inhibition(['severity="critical"'], ['severity="medium"'], ["environment", "service", "domain"]),
    ]


def _inhibition(source: Sequence[str], target: Sequence[str], equal: Sequence[str]) -> dict[str, Any]:
    """One rule. The source must carry every label that is compared: to Alertmanager, two missing ones are equal."""
    return {
        "source_matchers": [*source, *(f'{label}!=""' for label in equal)],
        "target_matchers": list(target),
        "equal": list(equal),
    }


def _drill(where: Where) -> dict[str, Any]:
    """Who is told of drills: the drill itself, if one is running. Otherwise there is nothing to tell."""
    return {
        "name": DRILL_RECEIVER,
        "webhook_configs": [{"url": f"http://{where.reach('drill')}/", "send_resolved": True}],
    }


def _heartbeat(beat: Heartbeat) -> dict[str, Any]:
    """Who is told of the heartbeat. Its end is the silence, not a message that would count as one more beat."""
    hook = Webhook(url=beat.url, url_file=beat.url_file, credentials_file=beat.credentials_file, send_resolved=False)
    return {"name": HEARTBEAT_RECEIVER, "webhook_configs": [_webhook(hook)]}


def _receivers(catalogue: Catalogue, where: Where) -> Iterator[dict[str, Any]]:
    for name, receiver in sorted(catalogue.receivers.items()):
        keys = [
            {} if each.credentials_file else webhook_key(catalogue, where, each.url or "") for each in receiver.webhook
        ]
        yield {"name": name, **_ways(receiver, keys)}


def _ways(receiver: Receiver, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    ways: Mapping[str, list[dict[str, Any]]] = {
        "webhook_configs": [{**_webhook(each), **key} for each, key in zip(receiver.webhook, keys, strict=True)],
        "slack_configs": [_slack(each) for each in receiver.slack],
        "pagerduty_configs": [_pagerduty(each) for each in receiver.pagerduty],
        "email_configs": [_email(each) for each in receiver.email],
    }
    return {key: configs for key, configs in ways.items() if configs}


def _webhook(hook: Webhook) -> dict[str, Any]:
    credentials = {"authorization": {"type": "Bearer", "credentials_file": hook.credentials_file}}
    return {
        **({"url": hook.url} if hook.url else {"url_file": hook.url_file}),
        "send_resolved": hook.send_resolved,
        **({"max_alerts": hook.max_alerts} if hook.max_alerts else {}),
        **({"http_config": credentials} if hook.credentials_file else {}),
    }


def _slack(slack: Slack) -> dict[str, Any]:
    return {
        "api_url_file": slack.api_url_file,
        "channel": slack.channel,
        "send_resolved": slack.send_resolved,
        "title": _SLACK_TITLE,
        "text": _SLACK_TEXT,
    }


def _pagerduty(pager: PagerDuty) -> dict[str, Any]:
    return {
        "routing_key_file": pager.routing_key_file,
        "send_resolved": pager.send_resolved,
        "severity": _PAGERDUTY_SEVERITY,
        "description": "{{ .CommonLabels.alertname }}: {{ .CommonAnnotations.summary }}",
    }


def _email(email: Email) -> dict[str, Any]:
    login = {"auth_username": email.username, "auth_password_file": email.password_file}
    return {
        "to": email.to,
        "from": email.from_,
        "smarthost": email.smarthost,
        **(login if email.username else {}),
        "require_tls": email.require_tls,
        "send_resolved": email.send_resolved,
    }


def _interval(interval: TimeInterval) -> dict[str, Any]:
    times = [{"start_time": each.start, "end_time": each.end} for each in interval.times]
    lists = {key: list(getattr(interval, key)) for key in ("weekdays", "days_of_month", "months", "years")}
    return {
        **({"times": times} if times else {}),
        **{key: values for key, values in lists.items() if values},
        "location": interval.location,
    }
