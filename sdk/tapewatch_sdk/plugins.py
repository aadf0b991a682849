"""The plugin contracts: what a package implements to extend tapewatch, on one screen each.

A plugin is an object (or a class without parameters) that an entry point names. Built-ins use the same door:

| group                  | contract        | what it adds                                   |
|------------------------|-----------------|------------------------------------------------|
| `tapewatch.renderers`  | `Renderer`      | catalogue, rules and dashboards -> files       |
| `tapewatch.rules`      | `RulesPack`     | a folder with packs of alert rules and runbooks |
| `tapewatch.dashboards` | `DashboardPack` | dashboards                                     |
| `tapewatch.checks`     | `Check`         | catalogue, rules and dashboards -> findings    |
| `tapewatch.collectors` | `Collector`     | samples -> rows of the history                  |
| `tapewatch.exporters`  | `Exporter`      | instruments -> a backend                        |
| `tapewatch.event_sinks` | `EventSink`    | events -> a place of one's own                  |

Every plugin carries `api_version = 1`; another version is refused with a word that says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from tapewatch_sdk.collectors import Collector
from tapewatch_sdk.contract import API_VERSION, Plugin
from tapewatch_sdk.events.sink import EventSink
from tapewatch_sdk.exporters.contract import Exporter
from tapewatch_sdk.families import Family
from tapewatch_sdk.problems import Place, Problem

__all__ = [
    "API_VERSION",
    "GROUPS",
    "CatalogueView",
    "Check",
    "Collector",
    "Dashboard",
    "DashboardPack",
    "EventSink",
    "Exporter",
    "File",
    "Plugin",
    "Renderer",
    "Request",
    "RuleView",
    "RulesPack",
    "ServiceView",
]


class ServiceView(Protocol):
    """What a plugin may read of a service; the full model is `tapewatch.catalogue.Service`."""

    @property
    def team(self) -> str:
        """The team that owns it."""

    @property
    def mode(self) -> str:
        """`scrape` or `push`."""

    @property
    def targets(self) -> Sequence[str]:
        """The fixed addresses that are scraped."""

    @property
    def emits(self) -> Sequence[str]:
        """The domains of metric families that it emits."""

    @property
    def depends_on(self) -> Sequence[str]:
        """The services that it needs."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Further target labels."""


class CatalogueView(Protocol):
    """What a plugin may read of the catalogue; the full model is `tapewatch.catalogue.Catalogue`."""

    @property
    def environment(self) -> str:
        """Value of the target label `environment`."""

    @property
    def services(self) -> Mapping[str, ServiceView]:
        """Every service by name."""

    @property
    def families(self) -> Mapping[str, Family]:
        """Every declared metric family by name."""


class RuleView(Protocol):
    """What a plugin may read of an alert rule, parameters filled in."""

    @property
    def alert(self) -> str:
        """Name of the alert."""

    @property
    def severity(self) -> str:
        """critical, high or medium."""

    @property
    def domain(self) -> str:
        """The domain of its pack."""

    @property
    def expr(self) -> str:
        """Plain PromQL."""

    @property
    def for_(self) -> str:
        """How long the condition must hold."""

    @property
    def values(self) -> Mapping[str, float | int | str]:
        """Every parameter with the value that holds."""

    @property
    def service(self) -> str:
        """The service whose override this is; empty for the rule that holds for all others."""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One Grafana dashboard.

    Parameters:
        uid: its UID; the file is named after it.
        folder: title of the Grafana folder it belongs to.
        model: the dashboard's JSON model.
    """

    uid: str
    folder: str
    model: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The title that people see."""
        return str(self.model["title"])


@dataclass(frozen=True, slots=True)
class File:
    """A generated file.

    Parameters:
        path: relative to the project, with `/`.
        text: its whole content.
    """

    path: str
    text: str


@dataclass(frozen=True)
class Request:
    """What a renderer, a dashboard pack or a check is given.

    Parameters:
        catalogue: the checked catalogue.
        rules: the alert rules, overrides split off; the same alert stands once for each override.
        dashboards: the dashboards; empty while they are being made.
    """

    catalogue: CatalogueView
    rules: Sequence[RuleView] = ()
    dashboards: Sequence[Dashboard] = ()

    def locate(self, path: Sequence[str | int]) -> Place:
        """The place of a path of the catalogue, `("services", "x", "address")`, for a check's findings."""
        return Place(path=".".join(map(str, path)))


@runtime_checkable
class Renderer(Plugin, Protocol):
    """Writes files. A pure function: the same request gives the same bytes, and it touches no disk."""

    def render(self, request: Request) -> Iterable[File]:
        """The files for a request, under paths that no other renderer uses."""


@runtime_checkable
class RulesPack(Plugin, Protocol):
    """A folder of alert rules: `packs/*.yaml` and `runbooks/ALERT.md`."""

    folder: Path


@runtime_checkable
class DashboardPack(Plugin, Protocol):
    """Makes dashboards."""

    def dashboards(self, request: Request) -> Iterable[Dashboard]:
        """The dashboards for a catalogue and its rules."""


@runtime_checkable
class Check(Plugin, Protocol):
    """Finds what is wrong before a file is written."""

    def run(self, request: Request) -> Iterable[Problem]:
        """The findings; errors stop `tapewatch generate`."""


GROUPS: Mapping[str, type] = {
    "tapewatch.renderers": Renderer,
    "tapewatch.rules": RulesPack,
    "tapewatch.dashboards": DashboardPack,
    "tapewatch.checks": Check,
    "tapewatch.collectors": Collector,
    "tapewatch.exporters": Exporter,
    "tapewatch.event_sinks": EventSink,
}
"""Entry point groups and the contract of each."""
