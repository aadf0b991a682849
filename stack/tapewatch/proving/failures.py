"""What promtool says about a failed unit test -> a sentence for the author of the rule."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["told"]

_QUERY = re.compile(r'expr: "(?P<expr>.*)", time: (?P<time>\S+),\s*exp: (?P<exp>.*?)\s*got: (?P<got>.*)', re.DOTALL)
_TEXTS = re.compile(r"time: (?P<time>\S+),\s*exp:\[(?P<exp>.*?)\],\s*got:\[(?P<got>.*)\]", re.DOTALL)
_BROKEN = re.compile(r"rule: (?P<rule>.*?), time: (?P<time>\S+), err: (?P<reason>.*)", re.DOTALL)
_NOISE = re.compile(r'(?:__name__|alertname|alertstate)="(?:[^"\\]|\\.)*",? ?')
_ANNOTATION = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_SHOWN = 2
"""Failures that one sentence tells; the rest follow from the same cause."""


def told(failures: Sequence[str]) -> str:
    """The failures of one case in words: what was expected, what came, and when."""
    sentences = list(dict.fromkeys(_sentence(failure) for failure in sorted(failures, key=_is_silence)))
    more = len(sentences) - _SHOWN
    return "; ".join(sentences[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _is_silence(failure: str) -> bool:
    """Whether it only says that an alert which does not fire has no texts; that comes last."""
    match = _TEXTS.search(failure)
    return match is not None and not match["got"].strip()


def _sentence(failure: str) -> str:
    if match := _QUERY.search(failure):
        return _of_query(match["expr"], match["time"], match["exp"].strip(), match["got"].strip())
    if match := _TEXTS.search(failure):
        return f"at {match['time']} it says {_difference(match['exp'], match['got'])}"
    if match := _BROKEN.search(failure):
        return f"at {match['time']} it cannot be evaluated: {match['reason'].strip()}"
    return " ".join(failure.split())


def _of_query(expr: str, time: str, expected: str, got: str) -> str:
    if expr.startswith("count_over_time("):
        return f"over the whole case it fires at {_counts(got)} evaluations, expected {_counts(expected)}"
    if got == "nil":
        return f"at {time} nothing fires, expected {_plain(expected)}"
    if expected == "nil":
        return f"at {time} it fires, expected nothing: {_plain(got)}"
    return f"at {time} expected {_plain(expected)}, got {_plain(got)}"


def _plain(samples: str) -> str:
    """Samples without what every ALERTS series has, and without the value 1."""
    return re.sub(r"\} 1E\+00", "}", _NOISE.sub("", samples))


def _counts(samples: str) -> str:
    numbers = [f"{float(number):g}" for number in re.findall(r"\} (\S+?),?(?:\s|$)", samples)]
    return " + ".join(numbers) or "0"


def _difference(expected: str, got: str) -> str:
    """The first label or text that differs; promtool prints them all."""
    wanted, found = _ANNOTATION.findall(expected), _ANNOTATION.findall(got)
    if not found:
        return "nothing, for it does not fire"
    for (key, text), (_, other) in zip(wanted, found, strict=False):
        if text != other:
            return f"{key} `{other}`, expected `{text}`"
    return f"something else: expected {' '.join(expected.split())}, got {' '.join(got.split())}"
