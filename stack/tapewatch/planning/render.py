"""A plan as text for a terminal, JSON for programs, Markdown for a pull request."""

from __future__ import annotations

import json
from itertools import groupby

from tapewatch.planning.changes import Action, Change, Plan

__all__ = ["line_of", "to_json", "to_markdown", "to_text"]

_SIGNS = {
    Action.GAINED: "+",
    Action.LOST: "-",
    Action.LOOSENED: "<",
    Action.TIGHTENED: ">",
    Action.CHANGED: "~",
}
_COLOURS = {Action.GAINED: "32", Action.LOST: "31", Action.LOOSENED: "33", Action.TIGHTENED: "36", Action.CHANGED: "34"}


def to_text(plan: Plan, color: bool = False) -> str:
    """One line a change, with a sign in front: + gained, - lost, < loosened, > tightened, ~ changed."""
    if not plan:
        return "nothing would change\n"
    lines = [line_of(change, color) for change in plan.changes]
    return "\n".join([*lines, "", _summary(plan)]) + "\n"


def line_of(change: Change, color: bool = False) -> str:
    """The line of one change."""
    head = f"{_SIGNS[change.action]} {change.kind} {change.name} {change.action}"
    text = f"{head}: {change.detail}" if change.detail else head
    return f"\033[{_COLOURS[change.action]}m{text}\033[0m" if color else text


def to_json(plan: Plan) -> str:
    """The changes as plain data: `{"changes": [{kind, name, action, detail, path}], "files": n}`."""
    return json.dumps({"changes": [change.to_dict() for change in plan.changes], "files": plan.files}, indent=2) + "\n"


def to_markdown(plan: Plan) -> str:
    """A section a kind of thing, for a comment in a pull request."""
    if not plan:
        return "### tapewatch plan\n\nNothing would change.\n"
    lines = ["### tapewatch plan", "", _summary(plan), ""]
    for kind, changes in groupby(plan.changes, key=lambda change: change.kind):
        lines += [f"#### {kind[:1].upper()}{kind[1:]}", "", "| | which | how |", "|---|---|---|"]
        lines += [f"| {change.action} | {_cell(change.name)} | {_cell(change.detail)} |" for change in changes]
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""


def _summary(plan: Plan) -> str:
    counts = [(action, sum(change.action is action for change in plan.changes)) for action in Action]
    told = ", ".join(f"{count} {action}" for action, count in counts if count)
    return f"{_counted(len(plan.changes), 'change')} ({told}) in {_counted(plan.files, 'file')}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
