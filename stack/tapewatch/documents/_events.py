"""From the parser's events to plain data, with every duplicate key, foreign tag and bad key found on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml
from yaml import events

from tapewatch.documents import _mistakes as mistakes
from tapewatch.documents._scalars import Quoted, Scalar, loader_class, resolve_plain, tagged_value
from tapewatch.documents._source import Source
from tapewatch.documents._syntax import from_yaml_error, unreadable_character
from tapewatch_sdk.problems import Place, Problem

__all__ = ["MAX_DEPTH", "MAX_NODES", "Builder", "StopReadingError"]

MAX_NODES = 5_000_000
"""Values in one document, aliases counted as often as they are used. A catalogue of 10,000 services has 300,000."""
MAX_DEPTH = 100
"""Nesting; a catalogue needs 8. Deeper input is an attack or a slip, and would overflow the stack of later steps."""
MAX_PROBLEMS = 1_000
"""After so many problems reading stops: nobody reads on, and a hostile file must not fill the memory."""

_CORE_COLLECTION_TAGS = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_IN_LIST: Any = object()
_NO_KEY: Any = object()
_MERGE: Any = object()
_OPEN: Any = object()
_UNUSABLE: Any = object()
"""Stands for a key that is itself a list or a mapping; the problem is noted, the value is dropped."""


class StopReadingError(Exception):
    """Reading on is pointless; the reason is the last of the problems."""


class _Frame:
    """A list or mapping that is still open; `key` is the key whose value comes next, or says that none does."""

    __slots__ = ("anchor", "container", "is_key", "key", "marks", "merges", "nodes_before")

    def __init__(self, container: Any, *, anchor: str | None, is_key: bool, nodes_before: int) -> None:
        self.container = container
        self.key: Any = _IN_LIST if type(container) is list else _NO_KEY
        self.marks: dict[Any, Any] = {}
        self.merges: list[dict[str, Any]] = []
        self.anchor = anchor
        self.is_key = is_key
        self.nodes_before = nodes_before


class Builder:
    """Builds the data of one document and collects what is wrong with it.

    Parameters:
        source: name and text of the document.
        max_nodes: how many values it may have, aliases expanded.
    """

    def __init__(self, source: Source, max_nodes: int = MAX_NODES) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._max_nodes = max_nodes
        self._nodes = 0
        self._documents = 0
        self._top: list[Any] = []
        self._frame = _Frame(self._top, anchor=None, is_key=False, nodes_before=0)
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._plain: dict[str, Scalar] = {}
        self._handlers: dict[type, Callable[[Any], None]] = {
            events.ScalarEvent: self._on_scalar,
            events.MappingStartEvent: self._on_collection_start,
            events.SequenceStartEvent: self._on_collection_start,
            events.MappingEndEvent: self._on_mapping_end,
            events.SequenceEndEvent: self._on_sequence_end,
            events.AliasEvent: self._on_alias,
            events.DocumentStartEvent: self._on_document_start,
        }

    @property
    def data(self) -> Any:
        """The document's data; None while nothing was read, or when there was nothing but comments."""
        return self._top[0] if self._top else None

    def run(self) -> None:
        """Read the whole text; afterwards `data` and `problems` hold the outcome."""
        try:
            self._read_events()
        except StopReadingError:
            pass
        except UnicodeEncodeError:  # a lone surrogate, which only text that never was a file can hold
            self.problems.append(unreadable_character(self._source))
        except yaml.YAMLError as error:
            self.problems.append(from_yaml_error(error, self._source))

    def _read_events(self) -> None:
        next_event = loader_class()(self._source.text).get_event
        handlers = self._handlers
        while True:
            event = next_event()
            kind = type(event)
            if kind in handlers:
                handlers[kind](event)
            elif kind is events.StreamEndEvent:
                return

    def _on_document_start(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            self.problems.append(mistakes.second_document(self._source.between(event.start_mark, event.end_mark)))
            raise StopReadingError

    def _on_scalar(self, event: Any) -> None:
        self._count(1, event)
        frame = self._frame
        if event.implicit[0]:
            try:
                value = self._plain[event.value]
            except KeyError:
                value = self._plain_value(event)
        elif event.tag in (None, "!"):
            value = Quoted(event.value) if "${" in event.value else event.value
        else:
            value = self._tagged_value(event)
        if event.anchor is not None:
            self._set_anchor(event, value, 1)
        if frame.key is _NO_KEY:
            self._set_key(event, _MERGE if event.implicit[0] and value == "<<" else value, event.value)
        else:
            self._add(value, event)

    def _plain_value(self, event: Any) -> Scalar:
        try:
            value = resolve_plain(event.value)
        except ValueError:
            self._note(mistakes.bad_scalar(self._here(event), event.value, "number"))
            value = None
        self._plain[event.value] = value
        return value

    def _tagged_value(self, event: Any) -> Scalar:
        try:
            return tagged_value(event.tag, event.value)
        except KeyError:
            self._note(mistakes.unknown_tag(self._here(event), event.tag))
        except ValueError:
            self._note(mistakes.bad_scalar(self._here(event), event.value, event.tag.rpartition(":")[2]))
        return None

    def _set_key(self, event: Any, value: Any, spelling: str) -> None:
        frame = self._frame
        if not isinstance(value, str) and value is not _MERGE:
            self._note(mistakes.key_is_not_text(self._here(event), spelling, value))
            value = spelling
        first = frame.marks.setdefault(value, event.start_mark)
        if first is not event.start_mark:
            name = "<<" if value is _MERGE else value
            self._note(mistakes.duplicate_key(self._here(event, name), name, first.line + 1))
        frame.key = value

    def _add(self, value: Any, event: Any) -> None:
        frame = self._frame
        if frame.key is _IN_LIST:
            frame.container.append(value)
            return
        if frame.key is _MERGE:
            self._merge(value, event)
        elif frame.key is not _UNUSABLE:
            frame.container[frame.key] = value
        frame.key = _NO_KEY

    def _merge(self, value: Any, event: Any) -> None:
        # Of several merged mappings the first one wins, as in PyYAML: it is laid on top of the others.
        merged = list(reversed(value)) if isinstance(value, list) else [value]
        if all(isinstance(mapping, dict) for mapping in merged):
            self._frame.merges.extend(merged)
        else:
            self._note(mistakes.bad_merge(self._here(event)))

    def _on_collection_start(self, event: Any) -> None:
        self._count(1, event)
        mapping = type(event) is events.MappingStartEvent
        if event.tag not in _CORE_COLLECTION_TAGS:
            self._note(mistakes.unknown_tag(self._here(event), event.tag))
        is_key = self._frame.key is _NO_KEY
        if is_key:
            self._note(mistakes.key_is_a_collection(self._here(event), mapping))
        if event.anchor is not None:
            self._set_anchor(event, _OPEN, 0)
        self._stack.append(self._frame)
        if len(self._stack) > MAX_DEPTH:
            self.problems.append(mistakes.too_deep(self._here(event), MAX_DEPTH))
            raise StopReadingError
        container: Any = {} if mapping else []
        self._frame = _Frame(container, anchor=event.anchor, is_key=is_key, nodes_before=self._nodes)

    def _on_mapping_end(self, event: Any) -> None:
        frame = self._frame
        if frame.merges:
            merged: dict[str, Any] = {}
            for mapping in frame.merges:
                merged.update(mapping)
            merged.update(frame.container)
            frame.container = merged
        self._on_sequence_end(event)

    def _on_sequence_end(self, event: Any) -> None:
        closed, self._frame = self._frame, self._stack.pop()
        if closed.anchor is not None:
            self._anchors[closed.anchor] = (closed.container, self._nodes - closed.nodes_before + 1)
        if closed.is_key:
            self._frame.key = _UNUSABLE
        else:
            self._add(closed.container, event)

    def _on_alias(self, event: Any) -> None:
        value, nodes = self._anchors.get(event.anchor, (None, 0))
        if event.anchor not in self._anchors:
            self._note(mistakes.unknown_alias(self._here(event), event.anchor))
        elif value is _OPEN:
            self._note(mistakes.recursive_alias(self._here(event), event.anchor))
            value = None
        self._count(nodes, event)
        if self._frame.key is _NO_KEY:
            self._set_key(event, value, spelling=f"*{event.anchor}")
        else:
            self._add(value, event)

    def _set_anchor(self, event: Any, value: Any, nodes: int) -> None:
        if event.anchor in self._anchors:
            self._note(mistakes.duplicate_anchor(self._here(event), event.anchor))
        self._anchors[event.anchor] = (value, nodes)

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > self._max_nodes:
            self.problems.append(mistakes.too_many_nodes(self._here(event), self._max_nodes))
            raise StopReadingError

    def _note(self, problem: Problem) -> None:
        self.problems.append(problem)
        if len(self.problems) >= MAX_PROBLEMS:
            self.problems.append(mistakes.too_many_problems(problem.where, MAX_PROBLEMS))
            raise StopReadingError

    def _here(self, event: Any, key: str | None = None) -> Place:
        path: list[str | int] = []
        for frame in [*self._stack[1:], self._frame] if self._stack else []:
            if isinstance(frame.container, list):
                path.append(len(frame.container))
            elif isinstance(frame.key, str):
                path.append(frame.key)
        return self._source.between(event.start_mark, event.end_mark, [*path, key] if key is not None else path)
