"""Alerts as a dashboard shows them: which fire, how bad the worst is, which of them fired when."""

from __future__ import annotations

from collections.abc import Sequence

from tapewatch_dashboards.facade.look import COLORS, State
from tapewatch_sdk.names import SEVERITIES

__all__ = ["WORST", "count", "over_time", "worst", "worst_by"]

_RANKS = {severity: len(SEVERITIES) - index + 1 for index, severity in enumerate(SEVERITIES)}
"""The more urgent, the higher; 1 is for those that are pending, 0 for none."""

WORST = (
    State(0, "none", "green"),
    State(1, "pending", COLORS["none"]),
    *(State(_RANKS[severity], severity, COLORS[severity]) for severity in reversed(SEVERITIES)),
)
"""What the numbers of `worst` and `over_time` mean."""


def count(matchers: str, by: Sequence[str] = ()) -> str:
    """PromQL of how many alerts fire; 0 where none does, unless they are counted by a label.

    Parameters:
        matchers: of the alerts that are looked at, `environment=~"$environment"`.
        by: labels by which they are counted.
    """
    firing = f'ALERTS{{alertstate="firing", severity!="none", {matchers}}}'
    return f"count by ({', '.join(by)}) ({firing})" if by else f"count({firing}) or vector(0)"


def worst(matchers: str) -> str:
    """PromQL of the worst that fires or is pending now, as a number of `WORST`; 0 where nothing does."""
    return f"max({_ranked(matchers)}) or vector(0)"


def worst_by(matchers: str, by: Sequence[str], known: str) -> str:
    """PromQL of the same for each of those that are known, whether anything fires there or not.

    Parameters:
        by: labels that tell them apart, `service`.
        known: a selector with a series for each, `tapewatch_expected`.
    """
    kept = f"max by ({', '.join(by)})"
    return f"{kept} ({_ranked(matchers)}) or 0 * {kept} ({known})"


def over_time(matchers: str, by: Sequence[str]) -> str:
    """PromQL of what each alert did, for a state timeline: of those that fired in the range that is shown.

    Where none did there is one quiet line that says so: an old Grafana has no other words for an empty timeline.

    Parameters:
        by: labels that tell the lines apart, `alertname` among them.
    """
    kept = f"max by ({', '.join(by)})"
    # Read once, at the end of the range, and 0 at every moment at which the alert did not fire.
    quiet = f'{kept} (last_over_time(ALERTS{{alertstate="firing", severity!="none", {matchers}}}[$__range] @ end()))'
    nothing = 'label_replace(vector(0), "alertname", "nothing fired", "", "")'
    return f"{kept} ({_ranked(matchers)}) and {quiet} or 0 * {quiet} or on () {nothing}"


def _ranked(matchers: str) -> str:
    firing = (
        f'ALERTS{{alertstate="firing", severity="{severity}", {matchers}}} * {rank}'
        for severity, rank in _RANKS.items()
    )
    return " or ".join([*firing, f'ALERTS{{alertstate="pending", severity!="none", {matchers}}}'])
