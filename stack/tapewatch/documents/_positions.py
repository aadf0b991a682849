"""Where each value stands: a second parse that keeps the marks, made only when a problem must be placed."""

from __future__ import annotations

from typing import Any

import yaml

from tapewatch.documents._path import DataPath
from tapewatch.documents._scalars import loader_class
from tapewatch.documents._source import Source
from tapewatch_sdk.problems import Place

__all__ = ["Positions"]

_MERGE_TAG = "tag:yaml.org,2002:merge"


class Positions:
    """Finds the place of a path in a text that is known to be valid.

    Parameters:
        source: name and text of the document.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._root: yaml.Node | None = yaml.compose(source.text, Loader=loader_class())
        self._children: dict[int, dict[str, tuple[yaml.Node, yaml.Node]]] = {}

    def place(self, path: DataPath, *, key: bool = False) -> Place:
        """The place of the value (or key) at `path`, or of its nearest parent: then its key, if it has one."""
        key_node: yaml.Node | None = None
        node = self._root
        for depth, part in enumerate(path):
            found = self._child(node, part)
            if found is None:
                return self._spot(key_node or node, path) if depth else self._source.first_content(path)
            key_node, node = found
        return self._spot(key_node if key and key_node is not None else node, path)

    def _child(self, node: yaml.Node | None, part: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            return (None, node.value[part]) if 0 <= part < len(node.value) else None
        if isinstance(node, yaml.MappingNode) and isinstance(part, str):
            return self._pairs(node).get(part)
        return None

    def _pairs(self, node: yaml.MappingNode) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Key and value node by key; what a merge brings in stands where the anchor is."""
        known = self._children.get(id(node))
        if known is None:
            merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
            own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
            for key_node, value_node in node.value:
                if key_node.tag == _MERGE_TAG:
                    sources = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                    for source in reversed(sources):
                        merged.update(self._pairs(source))
                else:
                    own[key_node.value] = (key_node, value_node)
            known = self._children[id(node)] = {**merged, **own}
        return known

    def _spot(self, node: Any, path: DataPath) -> Place:
        return self._source.between(node.start_mark, node.end_mark, path)
