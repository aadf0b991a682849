"""Data to YAML text that YAML 1.1 and 1.2 readers understand alike."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml
from yaml import events

from tapewatch.documents._scalars import resolve_plain

__all__ = ["dump"]

_UNLIMITED_WIDTH = -1

_AMBIGUOUS = re.compile(
    r"""
      [yYnN~=] | <<                                            # booleans, null, value and merge key of YAML 1.1
    | [-+]? [0-9][0-9_]*                                       # integers, also with leading zeros
    | [-+]? 0 [bBoOxX] [0-9a-fA-F_]+                           # 0o7 is a number for YAML 1.2 and Go, text for PyYAML
    | [-+]? ( \.[0-9_]+ | [0-9][0-9_]*(\.[0-9_]*)? ) ([eE][-+]?[0-9_]+)?   # 1e3, likewise
    | [-+]? [0-9][0-9_]* (:[0-9]{1,2})+ (\.[0-9_]*)?           # 1:30 is 90 in YAML 1.1
    | [-+]? \. (inf|Inf|INF) | \. (nan|NaN|NAN)
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2} ([Tt\ \t].*)?             # dates; Go takes 2024-1-2 as well
    """,
    re.VERBOSE,
)
"""Text that one reader or another takes for something else than text. PyYAML's own resolver is asked besides."""

_RARE_LINE_BREAKS = frozenset("\r\x85\u2028\u2029")

_MAPPING_START = events.MappingStartEvent(None, None, True, flow_style=False)
_SEQUENCE_START = events.SequenceStartEvent(None, None, True, flow_style=False)
_EMPTY_MAPPING = events.MappingStartEvent(None, None, True, flow_style=True)
_EMPTY_SEQUENCE = events.SequenceStartEvent(None, None, True, flow_style=True)
_MAPPING_END = events.MappingEndEvent()
_SEQUENCE_END = events.SequenceEndEvent()


def dump(data: Mapping[str, Any] | list[Any], header: str = "") -> str:
    """`data` as YAML, its keys in the order given. Same input, same bytes.

    List entries stand under their key without indentation, as Prometheus and promtool print them. Text of several
    lines becomes a literal block, lines are never folded, and text is quoted only where some reader would take it
    for something else.

    Parameters:
        data: mappings with text keys, lists, tuples, text, numbers, booleans and None. No aliases are written.
        header: lines for the top of the file, without `#`.

    Raises:
        TypeError: `data` holds anything else.
    """
    stream = io.StringIO()
    for line in header.splitlines():
        stream.write(f"# {line}".rstrip() + "\n")
    emitter = getattr(yaml, "CSafeDumper", yaml.SafeDumper)(stream, width=_width(), allow_unicode=True)
    _Writer(emitter.emit).document(data)
    return stream.getvalue()


def _width() -> float:
    # libyaml takes -1 for "never fold"; the pure Python emitter compares columns with the number itself.
    return _UNLIMITED_WIDTH if hasattr(yaml, "CSafeDumper") else float("inf")


class _Writer:
    """Sends events to PyYAML's emitter: a sixth of the time that going through its representer takes."""

    def __init__(self, emit: Callable[[Any], None]) -> None:
        self._emit = emit
        self._texts: dict[str, events.ScalarEvent] = {}

    def document(self, data: object) -> None:
        self._emit(events.StreamStartEvent())
        self._emit(events.DocumentStartEvent(explicit=False))
        self._value(data)
        self._emit(events.DocumentEndEvent(explicit=False))
        self._emit(events.StreamEndEvent())

    def _value(self, value: object) -> None:
        if isinstance(value, str):
            self._text(value)
        elif isinstance(value, Mapping):
            self._mapping(value)
        elif isinstance(value, (list, tuple)):
            self._sequence(value)
        else:
            self._emit(events.ScalarEvent(None, None, (True, False), _plain(value)))

    def _mapping(self, mapping: Mapping[Any, Any]) -> None:
        self._emit(_MAPPING_START if mapping else _EMPTY_MAPPING)
        for key, value in mapping.items():
            if not isinstance(key, str):
                raise TypeError(f"a key must be text, not {key!r}")
            self._text(key)
            self._value(value)
        self._emit(_MAPPING_END)

    def _sequence(self, values: list[Any] | tuple[Any, ...]) -> None:
        self._emit(_SEQUENCE_START if values else _EMPTY_SEQUENCE)
        for value in values:
            self._value(value)
        self._emit(_SEQUENCE_END)

    def _text(self, text: str) -> None:
        event = self._texts.get(text)
        if event is None:
            event = self._texts[text] = _text_event(text)
        self._emit(event)


def _text_event(text: str) -> events.ScalarEvent:
    if not _RARE_LINE_BREAKS.isdisjoint(text):  # emitters and readers disagree on what these mean outside an escape
        return events.ScalarEvent(None, None, (False, True), str(text), style='"')
    if "\n" in text:
        return events.ScalarEvent(None, None, (False, True), str(text), style="|")
    return events.ScalarEvent(None, None, (_is_surely_text(text), True), str(text))


def _is_surely_text(text: str) -> bool:
    try:
        return isinstance(resolve_plain(text), str) and not _AMBIGUOUS.fullmatch(text)
    except ValueError:
        return False


def _plain(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _float(value)
    raise TypeError(f"YAML files hold text, numbers, booleans, null, lists and mappings, not {type(value).__name__}")


def _float(value: float) -> str:
    if value != value:
        return ".nan"
    if value in (float("inf"), float("-inf")):
        return ".inf" if value > 0 else "-.inf"
    text = repr(float(value))
    # YAML 1.1 knows an exponent only after a decimal point: 1e-05 would be text.
    return text.replace("e", ".0e", 1) if "e" in text and "." not in text else text
