"""A dashboard as the public may see it: a copy in which everything is chosen.

Grafana shares no dashboard publicly that has variables, nor queries that its server cannot ask by itself. So what is
shared is a copy with every variable filled in, without logs, traces, exemplars, links and alerts drawn into graphs:
numbers alone, of what was chosen.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tapewatch.promql.grafana import filled, names
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.names import DATASOURCE_PROMETHEUS
from tapewatch_sdk.plugins import Dashboard
from tapewatch_sdk.problems import Place, Problem

__all__ = ["public_copy", "public_uid"]

LONGEST = 40
"""Characters of a UID that Grafana allows."""

_SUFFIX = "-public"
_SPECIAL = re.compile(r"[\\^$.|?*+()\[\]{}]")
"""What has a meaning in a regular expression, which most matchers are."""

_GRAFANAS = ("range", "interval", "rate_interval", "from", "to", "range_s", "range_ms", "interval_ms")
"""Variables that Grafana itself fills in, on its server as well."""


def public_uid(uid: str) -> str:
    """The UID of the copy of a dashboard."""
    whole = f"{uid}{_SUFFIX}"
    if len(whole) <= LONGEST:
        return whole
    digest = hashlib.blake2b(uid.encode(), digest_size=4).hexdigest()
    return f"{uid[: LONGEST - len(_SUFFIX) - 9]}-{digest}{_SUFFIX}"


def public_copy(dashboard: Dashboard, chosen: Mapping[str, str]) -> Dashboard:
    """The copy.

    Parameters:
        dashboard: what is shared.
        chosen: variable -> value; all where a variable allows that and none is given.

    Raises:
        ProblemsError: a variable that must have a value has none, or there is no such variable.
    """
    values = _values(dashboard, chosen)
    panels = list(_shown(dashboard.model.get("panels", ()), values))
    shown = ", ".join(f"{name} {value}" for name, value in chosen.items())
    model = {
        **dashboard.model,
        "uid": public_uid(dashboard.uid),
        "title": f"{dashboard.title} (public{': ' if shown else ''}{shown})",
        "tags": ["tapewatch-public"],
        "templating": {"list": []},
        "annotations": {"list": []},
        "links": [],
        "panels": panels,
    }
    return Dashboard(public_uid(dashboard.uid), f"{dashboard.folder} public", model)


def _values(dashboard: Dashboard, chosen: Mapping[str, str]) -> dict[str, str]:
    variables = {each["name"]: each for each in dashboard.model.get("templating", {}).get("list", ())}
    problems = [_unknown(dashboard, name, list(variables)) for name in chosen if name not in variables]
    values: dict[str, str] = {}
    for name, variable in variables.items():
        if name in chosen:
            values[name] = _literally(chosen[name])
        elif variable.get("type") == "datasource":
            values[name] = str(variable.get("current", {}).get("value") or DATASOURCE_PROMETHEUS)
        elif variable.get("includeAll"):
            values[name] = str(variable.get("allValue") or ".*")
        else:
            problems.append(_not_chosen(dashboard, name))
    if problems:
        raise ProblemsError(problems)
    return values


def _literally(value: str) -> str:
    """A value as it stands in a matcher: nothing of it means anything to a regular expression, or ends the string."""
    pattern = _SPECIAL.sub(r"\\\g<0>", value)
    return pattern.replace("\\", "\\\\").replace('"', '\\"')


def _shown(panels: Any, values: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The panels that remain; a heading without panels goes as well."""
    heading: list[dict[str, Any]] = []
    for panel in panels:
        if panel.get("type") == "row":
            heading = [{**panel, "panels": list(_shown(panel.get("panels", ()), values))}]
        elif _is_public(panel, values):
            heading.append(_plain(_filled(panel, values)))
        else:
            continue
        if heading[0].get("panels") or len(heading) > 1 or heading[0].get("type") != "row":
            yield from heading
            heading = []


def _is_public(panel: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    """Whether the server can ask it alone, and it shows numbers: logs and traces are nobody's business."""
    sources = [panel.get("datasource"), *(target.get("datasource") for target in panel.get("targets", ()))]
    kinds = {str(each.get("type")) for each in sources if isinstance(each, Mapping)}
    used = {name for target in panel.get("targets", ()) for name in names(str(target.get("expr", "")))}
    own = {name.removeprefix("__") for name in used - set(values)}
    return kinds <= {"prometheus", "__expr__"} and own <= set(_GRAFANAS)


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return filled(value, values)
    if isinstance(value, Mapping):
        return {key: _filled(each, values) for key, each in value.items()}
    return [_filled(each, values) for each in value] if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    """Without links, exemplars and repetition."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if key not in ("links", "exemplar", "repeat")}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _unknown(dashboard: Dashboard, name: str, known: list[str]) -> Problem:
    return Problem(
        code="upload/unknown-variable",
        summary=f"the dashboard `{dashboard.uid}` has no variable `{name}`",
        must=f"one of {', '.join(known) or 'none'}",
        fix="name one of them in --choose",
        where=Place(path=dashboard.uid),
    )


def _not_chosen(dashboard: Dashboard, name: str) -> Problem:
    return Problem(
        code="upload/not-chosen",
        summary=f"the dashboard `{dashboard.uid}` shows one {name}, and none is chosen",
        must="everything is chosen on a public dashboard, since the public cannot",
        fix=f"say which: --choose {name}=NAME",
        where=Place(path=dashboard.uid),
    )
