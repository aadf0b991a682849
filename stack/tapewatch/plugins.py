"""Finds plugins by entry point and keeps a broken one from breaking the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.plugins import API_VERSION, GROUPS
from tapewatch_sdk.problems import Place, Problem, Severity

__all__ = ["Found", "Plugins", "discover"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin as it was found.

    Parameters:
        group: its entry point group.
        name: name of the entry point.
        origin: distribution and object that the entry point names.
        plugin: the object; None when it could not be loaded.
        problem: why it could not be loaded.
    """

    group: str
    name: str
    origin: str
    plugin: Any = None
    problem: Problem | None = None


class Plugins:
    """The installed plugins, by group.

    Parameters:
        found: what was discovered, working or not.
    """

    def __init__(self, found: Iterable[Found]) -> None:
        self.found = tuple(found)
        self.problems: list[Problem] = [each.problem for each in self.found if each.problem]

    def of(self, group: str) -> list[Any]:
        """The working plugins of a group, in the order of their names."""
        return [each.plugin for each in self.found if each.group == group and each.plugin is not None]

    def call(self, group: str, hook: str, function: Callable[[Any], Iterable[T]]) -> Iterator[tuple[str, list[T]]]:
        """What each plugin of a group answers, by the plugin's name; one that raises is named and left out.

        Parameters:
            group: entry point group.
            hook: name of the method, for the problem.
            function: calls it.
        """
        for plugin in self.of(group):
            try:
                answer = list(function(plugin))
            except ProblemsError as error:
                self.problems += error.problems
            except Exception as error:  # noqa: BLE001 - whatever a plugin raises, the rest goes on
                self.problems.append(_failed(group, plugin.name, hook, error))
            else:
                yield plugin.name, answer


def discover(groups: Iterable[str] = tuple(GROUPS)) -> Plugins:
    """Load the plugins of the given groups; a command names only those that it uses."""
    return Plugins(
        _load(point) for group in groups for point in sorted(entry_points(group=group), key=lambda point: point.name)
    )


def _load(point: EntryPoint) -> Found:
    distribution = point.dist.name if point.dist else "?"
    origin = f"{distribution}: {point.value}"
    try:
        plugin = point.load()
        plugin = plugin() if isinstance(plugin, type) else plugin
        reason = _breach(point.group, plugin)
    except Exception as error:  # noqa: BLE001 - a plugin may fail to import for any reason
        return Found(point.group, point.name, origin, problem=_failed(point.group, point.name, "import", error))
    if reason:
        return Found(point.group, point.name, origin, problem=_refused(point.group, point.name, reason))
    return Found(point.group, point.name, origin, plugin)


def _breach(group: str, plugin: object) -> str:
    """Why an object does not keep its group's contract; empty when it does."""
    version = getattr(plugin, "api_version", None)
    if version != API_VERSION:
        return f"it was written for version {version} of the plugin contract, this is version {API_VERSION}"
    contract = GROUPS[group]
    if not isinstance(plugin, contract):
        return f"it lacks a part of the contract tapewatch_sdk.plugins.{contract.__name__}"
    return ""


def _failed(group: str, name: str, hook: str, error: Exception) -> Problem:
    return Problem(
        code="plugins/failed",
        summary=f"plugin `{name}` failed in `{hook}`: {type(error).__name__}: {error}",
        must="a plugin answers without raising",
        fix="mend or uninstall it; the rest went on without it",
        where=Place(path=f"{group}: {name}"),
        severity=Severity.ERROR,
    )


def _refused(group: str, name: str, reason: str) -> Problem:
    return Problem(
        code="plugins/contract",
        summary=f"plugin `{name}` is not used: {reason}",
        must=f"a plugin of `{group}` keeps the contract of tapewatch_sdk.plugins",
        fix="update the plugin, or uninstall it",
        where=Place(path=f"{group}: {name}"),
    )
