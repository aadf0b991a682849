"""What stands behind name and labels: a value, and perhaps a timestamp and an exemplar, which are left.

Python's `float` takes more than the formats do (`1_000`, `+nan`, other scripts' digits), so every byte is looked at
before, all lines at once; only lines with more than digits are looked at one by one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import compress

import numpy as np

from tapewatch.history.samples import Values
from tapewatch.verifying.lines import OPENMETRICS, TEXT, Syntax

__all__ = ["has_more", "numbers", "timestamp"]

_DIGITS = b"0123456789.+-eE"
"""What a plain number is made of: of these bytes alone `float` takes just what the formats take."""

_LETTERS = b"naifty" + b"NAIFTY"
"""What NaN and infinity are made of besides."""

_DECIMAL = rb"[+-]?(?:\d++\.?+\d*+|\.\d++)(?:[eE][+-]?\d++)?+"
_NO_NUMBER = rb"[nN][aA][nN]|[+-]?[iI][nN][fF](?:[iI][nN][iI][tT][yY])?+"
_VALUE = rb"(?:%b|%b)" % (_DECIMAL, _NO_NUMBER)
_NAME, _QUOTED = rb"[a-zA-Z_][a-zA-Z0-9_]*+", rb'"(?:[^"\\]|\\.)*+"'
_LABELS = rb"%b=%b(?:,%b=%b)*+" % (_NAME, _QUOTED, _NAME, _QUOTED)
_EXEMPLAR = rb" # (\{(?:%b)?+\}) (%b)(?: %b)?+" % (_LABELS, _VALUE, _DECIMAL)

_TAILS: Mapping[str, re.Pattern[bytes]] = {
    TEXT.name: re.compile(rb"(%b)(?:[ \t]++(\d++))?+()()[ \t]*+" % _VALUE),
    OPENMETRICS.name: re.compile(rb"(%b)(?: (%b))?+(?:%b)?+" % (_VALUE, _DECIMAL, _EXEMPLAR)),
}
_NAMES = re.compile(rb"(%b)=%b" % (_NAME, _QUOTED))
_SPECIAL = re.compile(_NO_NUMBER)


def numbers(tails: Sequence[bytes], syntax: Syntax) -> Values | None:
    """The values of many lines at once; None if any of them is not surely right.

    Parameters:
        tails: of each line what stands behind its name and labels.
        syntax: the format.
    """
    if has_more(tails):
        tails = _values(tails, syntax)
        if b"" in tails:
            return None
    try:
        values = np.fromiter(map(float, tails), np.float64, len(tails))
    except ValueError:
        return None
    finite = np.isfinite(values)
    # What only overflowed is no infinity: Prometheus refuses it.
    if not finite.all() and not all(map(_SPECIAL.fullmatch, compress(tails, ~finite))):
        return None
    return values


def timestamp(tail: bytes, syntax: Syntax) -> float | None:
    """The timestamp of a line, in the format's own unit; None without one."""
    found = _TAILS[syntax.name].fullmatch(tail)
    return float(found[2]) if found and found[2] else None


def has_more(tails: Sequence[bytes]) -> bool:
    """Whether there is more than values behind name and labels: a timestamp, an exemplar, or what is wrong."""
    return bool(b"".join(tails).translate(None, _DIGITS + _LETTERS))


def _values(tails: Sequence[bytes], syntax: Syntax) -> Sequence[bytes]:
    """The values alone; empty where a line is not surely right."""
    if syntax is TEXT:
        # All lines of a target that sends timestamps look like this: a number, a blank, milliseconds.
        parts = [tail.partition(b" ") for tail in tails]
        values = [value for value, _, _ in parts]
        if all(not at or at.isdigit() for _, _, at in parts) and not has_more(values):
            return values
    return [_value(tail, syntax) if tail.translate(None, _DIGITS) else tail for tail in tails]


def _value(tail: bytes, syntax: Syntax) -> bytes:
    """The value alone; empty if the line is not surely right."""
    found = _TAILS[syntax.name].fullmatch(tail)
    if found is None or not tail.isascii():
        return b""
    if found[3]:
        labels = _NAMES.findall(found[3])
        is_fine = len(set(labels)) == len(labels) and (math.isfinite(float(found[4])) or _SPECIAL.fullmatch(found[4]))
        return found[1] if is_fine else b""
    return found[1]
