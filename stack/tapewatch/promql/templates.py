"""Which labels a template shows: Go templates of annotations, and legends of Grafana."""

from __future__ import annotations

import re

__all__ = ["labels_of_legend", "labels_of_template"]

_ACTION = re.compile(r"\{\{-?\s*(?P<comment>/\*.*?\*/)?(?P<body>(?:\"(?:[^\"\\]|\\.)*\"|`[^`]*`|.)*?)-?\}\}", re.DOTALL)
_STRING = r'"(?:[^"\\]|\\.)*"|`[^`]*`'
_USE = re.compile(
    rf"""
      index \s+ (?:\$labels|\.Labels|\$\.Labels) \s+ (?P<indexed>{_STRING})
    | (?:\$labels|(?<![\w)])\$?\.Labels) \. (?P<field>\w+)
    | {_STRING}
    | (?<![\w.$)\]]) \. (?P<dot>[A-Za-z_]\w*)
    """,
    re.VERBOSE,
)
_BLOCK = re.compile(r"(?P<word>if|with|range|define|block|end)\b\s*(?P<rest>.*)", re.DOTALL)
_LABELS = frozenset(("$labels", ".Labels", "$.Labels"))
_LEGEND = re.compile(r"\{\{\s*(.+?)\s*\}\}")


def labels_of_template(template: str) -> frozenset[str]:
    """The labels that a Go template of an annotation reads.

    Understood are `$labels.x`, `.Labels.x`, `index $labels "x"` anywhere in a pipeline, and `.x` inside
    `{{ with $labels }}`. Text outside the actions, strings and comments count for nothing.
    """
    found: set[str] = set()
    dot_is_labels = [False]
    for action in _ACTION.finditer(template):
        body = action.group("body").strip()
        if action.group("comment"):
            continue
        found |= _used(body, dot_is_labels[-1])
        block = _BLOCK.match(body)
        if block is None:
            continue
        if block.group("word") == "end":
            dot_is_labels = dot_is_labels[:-1] or [False]
        else:
            dot_is_labels.append(_dot_after(block, dot_is_labels[-1]))
    return frozenset(found)


def labels_of_legend(legend: str) -> frozenset[str]:
    """The labels that a legend of Grafana (`{{symbol}} on {{instance}}`) shows."""
    return frozenset(_LEGEND.findall(legend))


def _used(body: str, dot_is_labels: bool) -> set[str]:
    found = set()
    for use in _USE.finditer(body):
        if use.group("indexed"):
            found.add(use.group("indexed")[1:-1])
        elif use.group("field"):
            found.add(use.group("field"))
        elif dot_is_labels and use.group("dot"):
            found.add(use.group("dot"))
    return found


def _dot_after(block: re.Match[str], dot_is_labels: bool) -> bool:
    """Whether `.` means the labels inside the block."""
    if block.group("word") == "if":
        return dot_is_labels
    return block.group("word") == "with" and block.group("rest").strip() in _LABELS
