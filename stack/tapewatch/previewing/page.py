"""One self-contained HTML page with the pictures of dashboards: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape

from tapewatch.panels import all_panels
from tapewatch.previewing.compare import Difference
from tapewatch.previewing.picture import picture
from tapewatch.viewing import Moment, View
from tapewatch_sdk.plugins import Dashboard

__all__ = ["compared", "page"]

Look = Callable[[Dashboard], View]
"""Looks at one dashboard."""


@dataclass(frozen=True, slots=True)
class _Query:
    panel: str
    question: str
    text: str


@dataclass(frozen=True, slots=True)
class _Section:
    """One dashboard of the page; `before` is None where nothing is compared."""

    uid: str
    title: str
    words: str
    before: str | None
    after: str
    queries: Sequence[_Query]


def page(views: Sequence[View], moment: Moment, heading: str, subtitle: str) -> str:
    """The page of dashboards as they are.

    Parameters:
        views: the dashboards, looked at.
        moment: their time range.
        heading, subtitle: what the page is about.
    """
    sections = [
        _Section(
            view.dashboard.uid, view.dashboard.title, "", None, picture(view, moment), list(_queries(view.dashboard))
        )
        for view in views
    ]
    return _rendered(sections, heading, subtitle)


def compared(found: Sequence[Difference], look: Look, moment: Moment, heading: str, subtitle: str) -> str:
    """The page of dashboards that changed, before and after side by side; changed panels are outlined.

    Parameters:
        found: the differences.
        look: looks at a dashboard.
        moment: the time range.
        heading, subtitle: what the page is about.
    """
    sections = []
    for each in found:
        before = picture(look(each.before), moment, each.marks_before, "-before") if each.before else ""
        after = picture(look(each.after), moment, each.marks_after, "-after") if each.after else ""
        board = each.after or each.before
        assert board is not None
        sections.append(_Section(board.uid, each.title, each.words, before, after, list(_queries(board))))
    return _rendered(sections, heading, subtitle)


def _queries(board: Dashboard) -> Iterator[_Query]:
    for panel in all_panels(board.model):
        for target in panel.get("targets", ()):
            text = target.get("expr") or target.get("service") or target.get("queryType") or ""
            yield _Query(str(panel.get("title", "")), str(panel.get("description", "")), str(text))


def _rendered(sections: Sequence[_Section], heading: str, subtitle: str) -> str:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=select_autoescape(["html", "j2"]), trim_blocks=True)
    template = environment.get_template("page.html.j2")
    return template.render(sections=sections, heading=heading, subtitle=subtitle)
