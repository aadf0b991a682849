"""The kinds of plugins, as `tapewatch plugins new` names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of plugin.

    Parameters:
        name: what one types, and the folder of its templates.
        group: its entry point group.
        summary: what the example adds, in one sentence.
        use: how it is used once it is installed, for its README.
        stack: whether its suite runs the real engine, which the extra `stack` brings.
    """

    name: str
    group: str
    summary: str
    use: str
    stack: bool

    @property
    def module(self) -> str:
        """The module that holds the plugin."""
        return self.name.replace("-", "_")


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "renderer",
            "tapewatch.renderers",
            "Writes who owns which service.",
            "Installed, it writes `provisioning/acme-tapewatch/inventory.csv` with every `tapewatch generate`.",
            stack=True,
        ),
        Kind(
            "rules",
            "tapewatch.rules",
            "Alerts on trading signals.",
            "Installed, its alerts are in every project: `tapewatch list alerts`, `tapewatch test`.",
            stack=True,
        ),
        Kind(
            "dashboards",
            "tapewatch.dashboards",
            "A dashboard of trading signals.",
            "Installed, its dashboards are in every project: `tapewatch list dashboards`, `tapewatch generate`.",
            stack=True,
        ),
        Kind(
            "collector",
            "tapewatch.collectors",
            "Keeps bid, ask and spread of each product in the history.",
            "Installed, it fills the table `acme_tapewatch_spreads` of the history.",
            stack=False,
        ),
        Kind(
            "exporter",
            "tapewatch.exporters",
            "Posts the values of instruments as JSON.",
            'Installed, a service pushes with it: `push("acme-tapewatch+https://HOST/PATH", service=...)`.',
            stack=False,
        ),
        Kind(
            "check",
            "tapewatch.checks",
            "Finds what many services need and what runs only once.",
            "Installed, its findings stand among those of `tapewatch check`.",
            stack=True,
        ),
        Kind(
            "event-sink",
            "tapewatch.event_sinks",
            "Appends events to a file.",
            'Installed, a service takes it by name: `DEFAULT_BUS.attach("acme-tapewatch")`.',
            stack=False,
        ),
    )
}
"""Every kind by what one types."""
