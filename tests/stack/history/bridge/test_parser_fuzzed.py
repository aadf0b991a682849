"""Generated and broken answers: the same samples as prometheus-client reads, or a refusal; never another value."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.expositions import (
    CONTENT_TYPES,
    Exposed,
    body_of,
    by_line,
    by_prometheus_client,
    edited,
    expositions,
    pairs,
)
from tapewatch.history.bridge import GarbageError, Parser
from tapewatch.verifying.lines import OPENMETRICS, TEXT, FormatError, Syntax

SYNTAXES = pytest.mark.parametrize("syntax", [TEXT, OPENMETRICS], ids=["text", "openmetrics"])
# Nothing is timed: this machine may be busy with something else.
OFTEN = settings(
    max_examples=int(os.environ.get("TAPEWATCH_EXAMPLES", "100")),
    deadline=None,
    derandomize=True,  # what fails once fails again; more are looked at by hand, see docs/history/bridge.md
    database=None,
    suppress_health_check=list(HealthCheck),
)


def read(parser: Parser, body: bytes, syntax: Syntax) -> Exposed | str:
    """What stands in the answer, or why it is refused."""
    try:
        return pairs(*parser.parse(body, CONTENT_TYPES[syntax.name]))
    except GarbageError as error:
        return str(error)


@SYNTAXES
@OFTEN
@given(data=st.data())
def test_what_keeps_its_format_is_read_as_by_prometheus_client(syntax: Syntax, data: st.DataObject) -> None:
    body = body_of(data.draw(expositions(syntax)))

    found = read(Parser(), body, syntax)

    assert isinstance(found, dict), found
    try:
        expected = by_prometheus_client(body, syntax)
    except Exception:  # it refuses what OpenMetrics says of meanings, which Prometheus does not
        if syntax is TEXT:
            raise
        return
    assert found == expected


@SYNTAXES
@OFTEN
@given(data=st.data())
def test_the_second_look_gives_what_a_first_one_would(syntax: Syntax, data: st.DataObject) -> None:
    lines = data.draw(expositions(syntax))
    parser = Parser()
    before = read(parser, body_of(lines), syntax)
    changed = data.draw(edited(lines, syntax))

    assert read(parser, changed, syntax) == read(Parser(), changed, syntax)
    assert read(parser, body_of(lines), syntax) == before


@SYNTAXES
@OFTEN
@given(data=st.data())
def test_a_broken_answer_is_refused_or_read_rightly(syntax: Syntax, data: st.DataObject) -> None:
    body = data.draw(edited(data.draw(expositions(syntax)), syntax))

    found = read(Parser(), body, syntax)

    if isinstance(found, dict):
        lines = by_line(body, syntax)
        assert found.keys() == dict(lines).keys()
        # Which one is kept of several is for prometheus-client to say: a line alone does not tell.
        assert set(found.items()) <= set(lines)
        try:
            expected = by_prometheus_client(body, syntax)
        except Exception:  # noqa: BLE001 -- it refuses what it does not know, in many ways
            return
        assert found == expected
        return
    try:
        by_line(body, syntax)
    except FormatError:
        return
    # Every sample is right: then it is the metadata, a name that no label may have, or the end that is not.
    assert any(each in found for each in ("HELP, TYPE", "is no type", "# EOF", "CR LF", "no label", "a blank",
               "a metric name", "line feed", "unit", "never closed", "may only stand", "lines")), found  # fmt: skip


@OFTEN
@given(body=st.binary(max_size=60), syntax=st.sampled_from((TEXT, OPENMETRICS)))
def test_bytes_of_any_kind_are_read_or_refused(body: bytes, syntax: Syntax) -> None:
    read(Parser(), body, syntax)
    read(Parser(), b"a 1\n" + body + b"\n", syntax)
