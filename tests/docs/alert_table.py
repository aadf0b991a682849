"""The table of docs/alerts.md as the packs have it; `python -m docs.alert_table` prints it for the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from docs.pages import page, rows
from tapewatch.documents import read
from tapewatch.rules.model import AlertSpec, Pack, Parameter
from tapewatch.rules.parameters import format_number
from tapewatch_alerts import Alerts

__all__ = ["conditions", "packs", "row", "table"]

HEAD = "| alert | severity | fires when | for | parameters |\n|---|---|---|---|---|"


def packs() -> list[Pack]:
    """The built-in packs, by file name."""
    return [Pack.model_validate(read(path).data) for path in sorted((Alerts.folder / "packs").glob("*.yaml"))]


def row(spec: AlertSpec, condition: str) -> list[str]:
    """The cells of an alert."""
    link = f"[{spec.alert}](../alerts/tapewatch_alerts/runbooks/{spec.alert}.md)"
    told = "<br>".join(_parameter(name, each) for name, each in spec.parameters.items()) or "none"
    return [link, str(spec.severity), condition, spec.for_, told]


def _parameter(name: str, parameter: Parameter) -> str:
    given = parameter.default
    if parameter.unit == "duration":
        return f"`{name}` {given}"
    if isinstance(given, str):
        return f"`{name}` ({parameter.unit})"
    return f"`{name}` {format_number(given)} ({parameter.unit})"


def conditions() -> Mapping[str, str]:
    """What the page says of when each alert fires, by alert."""
    cells = [each for each in rows(page("alerts.md").text) if each[0].startswith("[")]
    return {each[0][1:].partition("]")[0]: each[2] for each in cells}


def table() -> Iterator[str]:
    """The tables, one a domain, with the conditions that the page has."""
    said = conditions()
    for pack in packs():
        yield f"### {pack.domain}\n\n{HEAD}"
        for spec in pack.rules:
            yield "| " + " | ".join(row(spec, said.get(spec.alert, "TODO"))) + " |"
        yield ""


if __name__ == "__main__":
    print("\n".join(table()))  # noqa: T201 - a tool for whoever writes the page
