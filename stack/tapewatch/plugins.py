"""The installed plugins that a project uses, and what they answer; a broken one is named and breaks nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, TypeVar

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.loading import Found, failure, find
from tapewatch_sdk.plugins import Dashboard, File
from tapewatch_sdk.problems import Problem

__all__ = ["PROJECT_GROUPS", "Found", "Plugins", "discover"]

T = TypeVar("T")

PROJECT_GROUPS = ("tapewatch.renderers", "tapewatch.rules", "tapewatch.dashboards", "tapewatch.checks")
"""The groups that a project uses. The others work in services and in the history, and are loaded there."""


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

        So is one whose answer is of another kind than its contract says, before that can harm anybody else.

        Parameters:
            group: entry point group.
            hook: name of the method, for the problem.
            function: calls it.
        """
        for plugin in self.of(group):
            try:
                answer = list(function(plugin))
                for each in answer:
                    _check(group, each)
            except ProblemsError as error:
                self.problems += error.problems
            except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever a plugin raises, the rest goes on
                self.problems.append(failure(group, plugin.name, hook, error))
            else:
                yield plugin.name, answer


def discover(groups: Iterable[str] = PROJECT_GROUPS) -> Plugins:
    """Load the plugins of the given groups; a command names only those that it uses."""
    return Plugins(found for group in groups for found in find(group))


def _check(group: str, answer: Any) -> None:
    """Whether a plugin's answer is of the kind that its contract says.

    Raises:
        TypeError: it is not; this is turned into a problem that names the plugin.
        ValueError: it is, but cannot be used.
    """
    kind = _ANSWERS.get(group)
    if kind is None:
        return
    if not isinstance(answer, kind):
        raise TypeError(f"{answer!r:.80} is no {kind.__name__}")
    if isinstance(answer, File):
        _check_file(answer)
    elif isinstance(answer, Dashboard):
        _check_dashboard(answer)


_ANSWERS: Mapping[str, type] = {
    "tapewatch.renderers": File,
    "tapewatch.dashboards": Dashboard,
    "tapewatch.checks": Problem,
}


def _check_file(file: Any) -> None:
    if not isinstance(file.path, str) or not isinstance(file.text, str):
        raise TypeError(f"path and text of a file are text: {file!r:.80}")
    path = PurePosixPath(file.path)
    if path.is_absolute() or ".." in path.parts or str(path) != file.path or file.path == ".":
        raise ValueError(f"the path of a file is relative to the project and stays inside it: {file.path!r}")


def _check_dashboard(dashboard: Any) -> None:
    if not isinstance(dashboard.model, Mapping) or not isinstance(dashboard.model.get("title"), str):
        raise ValueError(f"the model of dashboard {dashboard.uid!r} has no title")
