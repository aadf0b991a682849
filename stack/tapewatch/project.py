"""A project, opened: its catalogue, rules and dashboards, and the files that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tapewatch.catalogue import Catalogue, Loaded, load
from tapewatch.plugins import Plugins, discover
from tapewatch.rules.log_alerts import log_alert_problems
from tapewatch.rules.overrides import override_problems
from tapewatch.rules.packs import LoadedPack, read_packs
from tapewatch.rules.resolve import Rule, resolve
from tapewatch.rules.slo import slo_rules
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.plugins import Dashboard, File, Request
from tapewatch_sdk.problems import Place, Problem

__all__ = ["CATALOGUE", "Project", "open_project"]

CATALOGUE = "catalogue.yaml"
"""Name of the catalogue in a project's folder."""


@dataclass(frozen=True)
class ProjectRequest(Request):
    """The request that plugins are given, with places from the catalogue's document."""

    loaded: Loaded | None = None

    def locate(self, path: Sequence[str | int]) -> Place:
        """The place of a path of the catalogue: of a value, or of the key of a whole section."""
        if self.loaded is None:
            return super().locate(path)
        node: Any = self.loaded.document.data
        for part in path:
            try:
                node = node[part]
            except (LookupError, TypeError):
                node = None
        return self.loaded.document.place(path, key=isinstance(node, dict | list))


@dataclass(frozen=True)
class Project:
    """A project whose catalogue and packs are right.

    Parameters:
        root: its folder.
        loaded: the catalogue and the document that it came from.
        packs: the packs of alert rules, in the order in which they are rendered.
        rules: the alert rules, overrides split off.
        plugins: the installed plugins; collects what fails while they are used.
    """

    root: Path
    loaded: Loaded
    packs: tuple[LoadedPack, ...]
    rules: tuple[Rule, ...]
    plugins: Plugins
    dashboards: tuple[Dashboard, ...] = field(default=())

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue."""
        return self.loaded.catalogue

    @property
    def request(self) -> ProjectRequest:
        """What plugins are given."""
        return ProjectRequest(self.catalogue, self.rules, self.dashboards, self.loaded)

    def check(self) -> list[Problem]:
        """What is doubtful in the catalogue, what the installed checks find, and which plugins failed."""
        found = [
            problem
            for _, problems in self.plugins.call("tapewatch.checks", "run", lambda check: check.run(self.request))
            for problem in problems
        ]
        return [*self.loaded.warnings, *found, *self.plugins.problems]

    def render(self) -> dict[str, str]:
        """Every generated file: path -> text. What two renderers both claim is a problem of the second."""
        files: dict[str, str] = {}
        owners: dict[str, str] = {}
        made = self.plugins.call("tapewatch.renderers", "render", lambda renderer: renderer.render(self.request))
        for name, rendered in made:
            for file in rendered:
                self._claim(owners, name, file)
                files[file.path] = file.text
        return dict(sorted(files.items()))

    def _claim(self, owners: dict[str, str], name: str, file: File) -> None:
        owner = owners.setdefault(file.path, name)
        if owner != name:
            raise ProblemsError([_claimed_twice(file.path, owner, name)])


def open_project(root: Path, environ: Mapping[str, str] | None = None, catalogue: Path | None = None) -> Project:
    """Read a project.

    Parameters:
        root: its folder.
        environ: variables for the catalogue's `${NAME:-default}`; none for the committed files.
        catalogue: the catalogue, if it is not `catalogue.yaml` in `root`.

    Raises:
        ProblemsError: with everything that is wrong in the catalogue and in the packs of rules.
    """
    plugins = discover()
    loaded = load(catalogue or root / CATALOGUE, environ)
    packs = _packs(plugins)
    problems = override_problems(loaded, packs)
    if problems:
        raise ProblemsError(problems)
    rules = (*resolve([each.pack for each in packs], loaded.catalogue), *slo_rules(loaded.catalogue))
    if problems := log_alert_problems(loaded, rules):
        raise ProblemsError(problems)
    project = Project(root, loaded, packs, rules, plugins)
    return Project(root, loaded, packs, rules, plugins, _dashboards(plugins, project.request))


def _packs(plugins: Plugins) -> tuple[LoadedPack, ...]:
    found: list[LoadedPack] = []
    for _, packs in plugins.call("tapewatch.rules", "folder", lambda pack: read_packs(pack.folder)):
        found += packs
    return tuple(found)


def _dashboards(plugins: Plugins, request: Request) -> tuple[Dashboard, ...]:
    made: Iterable[tuple[str, list[Any]]] = plugins.call(
        "tapewatch.dashboards", "dashboards", lambda pack: pack.dashboards(request)
    )
    return tuple(board for _, boards in made for board in boards)


def _claimed_twice(path: str, first: str, second: str) -> Problem:
    return Problem(
        code="plugins/same-file",
        summary=f"the renderers `{first}` and `{second}` both write {path}",
        must="each generated file belongs to one renderer",
        fix="uninstall one of the two plugins",
        where=Place(path=path),
    )
