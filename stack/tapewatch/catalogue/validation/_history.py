"""What must hold so that the history keeps what it must keep."""

from __future__ import annotations

from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.validation._report import Check, Report
from tapewatch.schema import seconds

__all__ = ["HISTORY_CHECKS"]

_LEAST = {"audit": 86400.0}
"""Seconds, by what is kept: the audit trail of today is never removed."""

_LEAST_OF_OTHERS = 3600.0
"""Seconds; the store removes whole hours."""

_FINER = (("1m", "samples"), ("5m", "1m"), ("1h", "5m"))
"""Buckets, and what is finer: they are there to last longer."""

_DEFAULTS = {"samples": "7d", "1m": "30d", "5m": "90d", "1h": "730d"}
"""Those of `tapewatch.history.store.retention`, which is not imported here: a catalogue loads without DuckDB."""


def _keep(catalogue: Catalogue, report: Report) -> None:
    history = catalogue.stack.history
    if history is None:
        return
    for name, period in history.keep.items():
        least = _LEAST.get(name, _LEAST_OF_OTHERS)
        if seconds(period) < least:
            report(
                "history-keep",
                ("stack", "history", "keep", name),
                f"the history would keep `{name}` for {period}",
                f"at least {least / 3600:.0f} hours" if least > 3600 else "at least an hour",
                "set a longer period, such as 7d",
            )
    periods = {**_DEFAULTS, **history.keep}
    for coarse, fine in _FINER:
        if history.keep.keys() & {coarse, fine} and seconds(periods[coarse]) < seconds(periods[fine]):
            report(
                "history-keep",
                ("stack", "history", "keep", coarse if coarse in history.keep else fine),
                f"`{coarse}` would be kept for {periods[coarse]} and `{fine}`, which is finer, for {periods[fine]}",
                "what is coarser is kept as long at least",
                f"set `{coarse}: {periods[fine]}` or more, or less for `{fine}`",
            )


HISTORY_CHECKS: tuple[Check, ...] = (_keep,)
