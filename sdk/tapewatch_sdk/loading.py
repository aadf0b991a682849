"""Finds plugins by their entry points, and says why one cannot be used; a broken one never breaks another.

A plugin has one name: that of its entry point and its own `name` are the same, and unique in its group.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tapewatch_sdk.errors import PluginError
from tapewatch_sdk.problems import Place, Problem

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Found", "checked", "failure", "find", "load", "names"]


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin as it was found.

    Parameters:
        group: its entry point group, `tapewatch.exporters`.
        name: name of the entry point.
        origin: distribution and object that the entry point names.
        plugin: the object; None when it cannot be used.
        problem: why it cannot be used; None when it can.
    """

    group: str
    name: str
    origin: str
    plugin: Any = None
    problem: Problem | None = None


def names(group: str) -> tuple[str, ...]:
    """The names of all installed plugins of a group, in alphabetical order; none of them is imported."""
    return tuple(dict.fromkeys(point.name for point in _points(group)))


def find(group: str, name: str | None = None) -> list[Found]:
    """The installed plugins of a group, usable or not, in the order of their names. Never raises.

    Parameters:
        group: entry point group, one of `tapewatch_sdk.plugins.GROUPS`.
        name: only the plugin of this name; nothing else is imported.
    """
    found: list[Found] = []
    for point in _points(group):
        if name in (None, point.name):
            found.append(_found(group, point, taken=found))
    return found


def load(group: str, name: str) -> Any:
    """The plugin of a group that has this name; no other is imported.

    Parameters:
        group: entry point group, one of `tapewatch_sdk.plugins.GROUPS`.
        name: its name.

    Raises:
        PluginError: none has this name (`plugins/not-found`), it does not keep its contract (`plugins/contract`) or it
            raised while it was imported or made (`plugins/failed`).
    """
    found = find(group, name)
    if not found:
        raise PluginError([_not_found(group, name)])
    if found[0].problem:
        raise PluginError([found[0].problem])
    return found[0].plugin


def checked(group: str, plugin: Any) -> Any:
    """A plugin that was made by hand, if it keeps its group's contract.

    Raises:
        PluginError: it does not, with the code `plugins/contract`.
    """
    from tapewatch_sdk._contracts import breach

    if reason := breach(group, plugin):
        name = getattr(plugin, "name", None)
        name = name if isinstance(name, str) and name else type(plugin).__name__
        raise PluginError([_refused(group, name, reason)])
    return plugin


def failure(group: str, name: str, hook: str, error: BaseException) -> Problem:
    """The problem of a plugin that raised.

    Parameters:
        group: its entry point group.
        name: its name.
        hook: what it was asked for: `import`, or the name of a method.
        error: what it raised.
    """
    return Problem(
        code="plugins/failed",
        summary=f"plugin `{name}` failed in `{hook}`: {type(error).__name__}: {error}",
        must="a plugin answers without raising",
        fix="mend or uninstall it; the rest went on without it",
        where=Place(path=f"{group}: {name}"),
    )


def _points(group: str) -> list[EntryPoint]:
    """The entry points of a group by name; where two have the same one, tapewatch's own comes first."""
    from importlib.metadata import entry_points  # takes longer to import than the rest of the SDK

    return sorted(
        entry_points(group=group), key=lambda point: (point.name, _owner(point) != "tapewatch", _owner(point))
    )


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "?"


def _found(group: str, point: EntryPoint, taken: Iterable[Found]) -> Found:
    origin = f"{_owner(point)}: {point.value}"
    if first := next((each for each in taken if each.name == point.name), None):
        problem: Problem | None = _refused(group, point.name, f"{first.origin} has the same name")
        return Found(group, point.name, origin, problem=problem)
    plugin, problem = _loaded(group, point)
    return Found(group, point.name, origin, plugin, problem)


def _loaded(group: str, point: EntryPoint) -> tuple[Any, Problem | None]:
    from tapewatch_sdk._contracts import breach, unmakeable

    hook = "import"
    try:
        plugin = point.load()
        if isinstance(plugin, type):
            hook = "constructor"
            if reason := unmakeable(group, plugin):
                return None, _refused(group, point.name, reason)
            plugin = plugin()
        hook = "contract"
        reason = breach(group, plugin, name=point.name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever a plugin raises, the rest goes on
        return None, failure(group, point.name, hook, error)
    return (None, _refused(group, point.name, reason)) if reason else (plugin, None)


def _refused(group: str, name: str, reason: str) -> Problem:
    return Problem(
        code="plugins/contract",
        summary=f"plugin `{name}` is not used: {reason}",
        must=f"a plugin of `{group}` keeps the contract of tapewatch_sdk.plugins",
        fix="update the plugin, or uninstall it",
        where=Place(path=f"{group}: {name}"),
    )


def _not_found(group: str, name: str) -> Problem:
    installed = names(group)
    near = get_close_matches(name, installed, 1)
    listed = ", ".join(installed) or "none"
    return Problem(
        code="plugins/not-found",
        summary=f"no plugin of `{group}` is called `{name}`" + (f"; did you mean `{near[0]}`?" if near else ""),
        must=f"the plugin is installed; these are: {listed}",
        fix="install the package that it comes from, or correct the name",
        where=Place(path=f"{group}: {name}"),
    )
