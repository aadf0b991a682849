"""An answer becomes series and values: all of both formats, and only what is surely right."""

from __future__ import annotations

import math

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from support.expositions import CONTENT_TYPES, by_prometheus_client, pairs
from tapewatch.history.bridge import GarbageError, Parser
from tapewatch.history.samples import Series
from tapewatch.verifying.lines import OPENMETRICS, TEXT, Syntax

TEXT_TYPE, OPENMETRICS_TYPE = CONTENT_TYPES[TEXT.name], CONTENT_TYPES[OPENMETRICS.name]

Read = dict[str, float]


def read(body: bytes, content_type: str = TEXT_TYPE, parser: Parser | None = None) -> Read:
    """Each series as it would be written, with its value."""
    layout, values = (parser or Parser()).parse(body, content_type)
    names = [f"{name}{{{','.join(f'{key}={value}' for key, value in labels)}}}" for name, labels, _ in layout.series]
    return dict(zip(names, values.tolist(), strict=True))


def kinds(body: bytes, content_type: str = TEXT_TYPE) -> dict[str, str]:
    return {series.name: series.type for series in Parser().parse(body, content_type)[0].series}


# --- what is read


def registry() -> CollectorRegistry:
    """A client library's registry with a family of each kind, exemplars, and label values of every character."""
    made = CollectorRegistry()
    counter = Counter("orders", 'Orders with \\ and "quotes"\nand lines', ["symbol"], registry=made)
    counter.labels('BTC"\\\n{},=#').inc(2, {"trace_id": "abc"})
    Gauge("depth", "", registry=made).set(math.nan)
    Gauge("most", "", registry=made).set(math.inf)
    Histogram("latency", "", ["venue"], registry=made, buckets=(0.1, 1)).labels("é").observe(0.5, {"trace_id": "a"})
    Summary("size", "", registry=made).observe(3)
    Info("build", "", registry=made).info({"version": "1"})
    return made


@pytest.mark.parametrize("syntax", [TEXT, OPENMETRICS], ids=["text", "openmetrics"])
def test_what_a_client_library_writes_is_read_the_first_time_and_the_second(syntax: Syntax) -> None:
    write = generate_latest if syntax is TEXT else generate_openmetrics
    body = write(registry())
    parser = Parser()

    first, second = (pairs(*parser.parse(body, CONTENT_TYPES[syntax.name])) for _ in range(2))

    assert first == second == by_prometheus_client(body, syntax)
    assert first["orders_total", (("symbol", 'BTC"\\\n{},=#'),)] == "2.0"


def test_every_number_that_go_reads_is_read() -> None:
    body = b"a 1e5\nb -.5\nc +Inf\nd 5.\ne -INFINITY\nf 0x\n"
    assert read(body.replace(b"f 0x\n", b"f +0\n")) == {
        "a{}": 1e5, "b{}": -0.5, "c{}": math.inf, "d{}": 5.0, "e{}": -math.inf, "f{}": 0.0,
    }  # fmt: skip
    assert math.isnan(read(b"a nan\n")["a{}"])


@pytest.mark.parametrize(
    "number", ["1_0", "0x10", "1e999", "+nan", "-NaN", "1,5", "", "e5", "1 e5", "\u0661", "infinit"]
)
def test_what_python_alone_takes_for_a_number_is_none_at_any_scrape(number: str) -> None:
    parser = Parser()
    read(b"a 1\n", parser=parser)

    for each in (Parser(), parser):
        with pytest.raises(GarbageError):
            read(f"a {number}\n".encode(), parser=each)


def test_escapes_blanks_and_names_in_quotes_are_read() -> None:
    assert read(b'a { b = "c\\n\\\\\\"" , } 1\n{"dots.in.it","a.b"="c"} 2\n\ta\t3 \n') == {
        'a{b=c\n\\"}': 1.0, "dots.in.it{a.b=c}": 2.0, "a{}": 3.0,
    }  # fmt: skip


def test_types_follow_the_type_lines_before_them() -> None:
    text = (
        b"# TYPE l histogram\nl_bucket 1\nl_count 1\nl_sum 1\nl 1\n# TYPE s summary\ns 1\ns_sum 1\n"
        b"# TYPE c_total counter\nc_total 1\nn 1\n# TYPE n gauge\n"
    )
    assert kinds(text) == {
        "l_bucket": "histogram", "l_count": "histogram", "l_sum": "histogram", "l": "untyped", "s": "summary",
        "s_sum": "summary", "c_total": "counter", "n": "untyped",
    }  # fmt: skip
    openmetrics = (
        b"# TYPE c counter\nc_total 1\nc_created 1\n# TYPE g gaugehistogram\ng_bucket 1\ng_gcount 1\ng_gsum 1\n"
        b'# TYPE i info\ni_info 1\n# TYPE s stateset\ns{s="a"} 1\n# TYPE u unknown\nu 1\n# EOF\n'
    )
    assert kinds(openmetrics, OPENMETRICS_TYPE) == {
        "c_total": "counter", "c_created": "counter", "g_bucket": "gaugehistogram", "g_gcount": "gaugehistogram",
        "g_gsum": "gaugehistogram", "i_info": "info", "s": "stateset", "u": "untyped",
    }  # fmt: skip


def test_of_a_series_that_stands_there_twice_the_first_is_kept_as_by_prometheus() -> None:
    parser = Parser()
    assert read(b'a{b="c",d="e"} 1\nx 5\na{d="e",b="c"} 2\n', parser=parser) == {"a{b=c,d=e}": 1.0, "x{}": 5.0}
    assert read(b'a{b="c",d="e"} 3\nx 6\na{d="e",b="c"} 4\n', parser=parser) == {"a{b=c,d=e}": 3.0, "x{}": 6.0}


def test_of_several_moments_of_a_series_the_newest_is_kept() -> None:
    parser = Parser()
    assert read(b"a 1 1000\na 2 3000\na 3 2000\n", parser=parser) == {"a{}": 2.0}
    assert read(b"a 4 9000\na 5 4000\na 6 5000\n", parser=parser) == {"a{}": 4.0}


@pytest.mark.parametrize(
    ("content_type", "end"), [(TEXT_TYPE, b""), (OPENMETRICS_TYPE, b"# EOF\n")], ids=["text", "openmetrics"]
)
def test_the_newest_is_kept_too_when_the_moments_come_only_with_a_later_answer(content_type: str, end: bytes) -> None:
    parser = Parser()
    assert read(b"a 1\na 2\n" + end, content_type, parser) == {"a{}": 1.0}
    assert read(b"a 3 1000\na 4 3000\n" + end, content_type, parser) == {"a{}": 4.0}
    assert read(b"a 5\na 6\n" + end, content_type, parser) == {"a{}": 5.0}


@pytest.mark.parametrize("moment", ["5", "-5", "+5", ".5", "-.5", "5.", "1.7e9", "+.5E+9"])
def test_every_timestamp_of_openmetrics_is_read(moment: str) -> None:
    parser = Parser()
    for value in (1.0, 2.0):
        body = f"a {value} {moment} # {{}} 1 {moment}\n# EOF\n".encode()
        assert read(body, OPENMETRICS_TYPE, parser) == {"a{}": value}


def test_an_empty_answer_is_one_without_series() -> None:
    assert read(b"") == {}
    assert read(b"# EOF\n", OPENMETRICS_TYPE) == {}


# --- what is refused


@pytest.mark.parametrize(
    "body",
    [
        b"a 1", b"a 1\r\n", b"a 1\nb 2\r\n", b"# HELP a b\r\na 1\n", b"a\xff 1\n", b"a 1\n# HELP a \xff\n", b"<html>\n",
        b"a\n", b'a{b="c"\n', b'a{b="c",b="d"} 1\n', b'a{__name__="c"} 1\n', b'{"a","b"} 1\n', b'a{""="c"} 1\n',
        b"# TYPE a count\n", b"a 1 2 3\n", b'a{b="\\t"} 1\n', b"a 1 # {} 1\n", b"a 1 -5\n", b'a{b="c" d="e"} 1\n',
    ],
)  # fmt: skip
def test_what_breaks_the_text_format_is_refused_whole(body: bytes) -> None:
    parser = Parser()
    read(b"good 1\n", parser=parser)

    for each in (Parser(), parser):
        with pytest.raises(GarbageError, match="breaks the text format in line"):
            read(b"good 1\n" + body, parser=each)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"a 1\n", b"# EOF\na 1\n", b"# EOF\n\n", b"a 1\n\n# EOF\n", b" a 1\n# EOF\n", b"a  1\n# EOF\n",
        b'a{b="c",} 1\n# EOF\n', b"# a comment\n# EOF\n", b"a 1 # {} x\n# EOF\n", b"a 1 # 1\n# EOF\n", b"a 1 \n# EOF\n",
        b'a 1 # {b="c",b="d"} 1\n# EOF\n', b"# TYPE a untyped\n# EOF\n", b"a 1 # {} 1e999\n# EOF\n",
    ],
)  # fmt: skip
def test_what_breaks_openmetrics_is_refused_whole(body: bytes) -> None:
    with pytest.raises(GarbageError, match="breaks OpenMetrics in line"):
        read(body, OPENMETRICS_TYPE)


def test_an_offence_has_its_line_and_column() -> None:
    with pytest.raises(GarbageError, match=r"line 3, column 3: `two` is no number"):
        read(b"# HELP a b\na 1\nb two\n")


@pytest.mark.parametrize("content_type", ["", "text/html", "application/json", "application/vnd.google.protobuf"])
def test_another_content_type_is_refused_unless_a_format_is_agreed_on(content_type: str) -> None:
    with pytest.raises(GarbageError, match="Content-Type"):
        read(b"a 1\n", content_type)
    assert read(b"a 1\n", content_type, Parser("PrometheusText0.0.4")) == {"a{}": 1.0}
    assert read(b"a 1\n# EOF\n", content_type, Parser("OpenMetricsText1.0.0")) == {"a{}": 1.0}


def test_what_a_service_says_counts_for_more_than_what_was_agreed_on() -> None:
    with pytest.raises(GarbageError, match="OpenMetrics"):
        read(b"a 1\n", OPENMETRICS_TYPE, Parser("PrometheusText0.0.4"))


# --- the second look


FIRST = b'# HELP a first\n# TYPE a gauge\na{b="c"} 1\na{b="cc"} 2\nab 3\n'


def test_the_same_series_have_the_same_layout_whatever_their_values() -> None:
    parser = Parser()
    before, _ = parser.parse(FIRST, TEXT_TYPE)
    after, values = parser.parse(FIRST.replace(b" 1\n", b" -1.5e3\n").replace(b" 3\n", b" NaN\n"), TEXT_TYPE)

    assert after is before
    assert values.tolist()[:2] == [-1500.0, 2.0]
    assert math.isnan(values[2])


CHANGES: list[tuple[str, bytes, bytes, bool]] = [
    ("a value looks like labels", b"ab 3", b'ab{c="d"} 3', False),
    ("a value is followed by another", b"ab 3", b"ab 3\nabc 4", False),
    ("a name becomes the beginning of another's", b"ab 3", b"a 3", False),
    ("a name grows", b"ab 3", b"abc 3", False),
    ("a label's value grows", b'b="cc"', b'b="ccc"', False),
    ("a line has changed its place", b'a{b="c"} 1\na{b="cc"} 2', b'a{b="cc"} 2\na{b="c"} 1', False),
    ("a series is gone", b"ab 3\n", b"", False),
    ("a series is new", b"ab 3\n", b"ab 3\nac 4\n", False),
    ("a series takes the place of a comment", b"# HELP a first\n", b"ac 4\n", False),
    ("a type is another", b"gauge", b"untyped", False),
    ("a help text is another", b"a first", b"a second", True),
    ("a blank more", b"ab 3", b"ab  3", True),
    ("a timestamp appears", b"ab 3", b"ab 3 1700000000000", True),
    ("all have timestamps", b"\n", b" 5\n", True),
    ("an empty line appears", b"ab 3", b"\nab 3", True),
]


@pytest.mark.parametrize(("old", "new", "same"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES])
def test_what_changes_is_read_as_if_for_the_first_time(old: bytes, new: bytes, same: bool) -> None:
    parser = Parser()
    before, _ = parser.parse(FIRST, TEXT_TYPE)
    assert old in FIRST
    changed = FIRST.replace(old, new)
    if old == b"\n":  # metadata takes none
        changed = b"".join(
            line + (b"" if line[:1] in (b"#", b"") else b" 5") + b"\n" for line in FIRST.split(b"\n")[:-1]
        )

    after, values = parser.parse(changed, TEXT_TYPE)

    expected, numbers = Parser().parse(changed, TEXT_TYPE)
    assert (list(after.series), values.tolist()) == (list(expected.series), numbers.tolist())
    assert (after is before) == same
    again, _ = parser.parse(changed, TEXT_TYPE)
    assert again is after


def test_an_exemplar_that_comes_and_goes_changes_neither_value_nor_layout() -> None:
    parser = Parser()
    bodies = [
        b'# TYPE a histogram\na_bucket{le="+Inf"} 7%s\n# EOF\n' % tail
        for tail in (b"", b' # {trace_id="} 9"} 0.5', b' 5.5 # {a="\\"",b="c"} 1 9.5', b" # {} 3", b"", b" 9")
    ]

    layouts = [parser.parse(body, OPENMETRICS_TYPE) for body in bodies]

    assert [values.tolist() for _, values in layouts] == [[7.0]] * len(bodies)
    assert len({id(layout) for layout, _ in layouts}) == 1


def test_an_exemplar_that_is_no_utf8_is_refused_at_the_second_look_too() -> None:
    parser = Parser()
    read(b"a 1 # {} 1\n# EOF\n", OPENMETRICS_TYPE, parser)

    with pytest.raises(GarbageError, match="UTF-8"):
        read(b'a 1 # {b="\xff"} 1\n# EOF\n', OPENMETRICS_TYPE, parser)


def test_garbage_between_two_answers_leaves_nothing_behind() -> None:
    parser = Parser()
    before, _ = parser.parse(FIRST, TEXT_TYPE)
    with pytest.raises(GarbageError):
        parser.parse(FIRST + b"garbage\n", TEXT_TYPE)

    after, values = parser.parse(FIRST, TEXT_TYPE)

    assert after is before
    assert values.tolist() == [1.0, 2.0, 3.0]


def test_the_other_format_is_read_by_its_own_rules() -> None:
    parser = Parser()
    read(b"# EOF\na  1\n", TEXT_TYPE, parser)

    with pytest.raises(GarbageError, match="OpenMetrics"):
        read(b"a  1\n# EOF\n", OPENMETRICS_TYPE, parser)


def test_a_series_is_found_again_after_it_was_gone() -> None:
    parser = Parser()
    read(FIRST, parser=parser)
    read(FIRST.replace(b"ab 3\n", b""), parser=parser)

    layout, values = parser.parse(FIRST, TEXT_TYPE)

    assert layout.series[0] == Series("a", (("b", "c"),), "gauge")
    assert values.tolist() == [1.0, 2.0, 3.0]
