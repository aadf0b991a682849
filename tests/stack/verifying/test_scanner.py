"""An answer is read strictly: what breaks the format is found, with line and column, and what keeps it is not."""

from __future__ import annotations

from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics

from stack.verifying import exposing
from support.servers import start_prometheus
from support.waiting import wait_for
from tapewatch.verifying.exposition import Exposition
from tapewatch.verifying.lines import OPENMETRICS, TEXT, FormatError
from tapewatch.verifying.scanner import scan

Case = tuple[bytes, int, int, str]

RIGHT_TEXT = [
    b"",
    b"\n",
    b"a 1\n",
    b" a\t1 \n",
    b"a 1 1700000000000\n",
    b"a{} 1\n",
    b'a{b="c"}1\n',
    b'a { b = "c" , } 1\n',
    b'a{b="",c="}"} 1\n',
    b'a{b="\\\\ \\" \\n"} 1\n',
    b'a{b="\xc3\xa9\xf0\x9f\x92\xb6"} 1\n',
    b"a 1e5\nb -.5\nc +Inf\nd NaN\ne 5.\n",
    b"# just a comment\n#TYPE is no type without a blank\n# TYPED neither\na 1\n",
    b"# HELP a\na 1\n",
    b"# HELP a back \\\\ and \\n\n# TYPE a gauge\na 1\n",
    b"# TYPE a histogram\na_bucket 1\na_sum 1\na_count 1\n",
    b"# TYPE a summary\na 1\na_sum 1\na_count 1\nb 1\n",
    b"#\tTYPE  a\tgauge\na 1\n",
]

WRONG_TEXT: list[Case] = [
    (b"a 1", 1, 3, "the last line must end with a line feed"),
    (b"a 1\nb 2\r\n", 2, 4, "CR LF"),
    (b"a 1\nb\xff 2\n", 2, 2, "the byte 0xFF is no UTF-8"),
    (b"<html>\n", 1, 1, "a metric name should stand here, not `<html>`"),
    (b"a\n", 1, 2, "a blank and the value should stand here, and the line ends"),
    (b"a \n", 1, 3, "the value should stand here"),
    (b"a 1,5\n", 1, 3, "`1,5` is no number"),
    (b"a 1_000\n", 1, 3, "is no number"),
    (b"a 0x10\n", 1, 3, "is no number"),
    (b"a 1e999\n", 1, 3, "is no number"),
    (b"a \xef\xbc\x91\n", 1, 3, "is no number"),  # a digit, and none that Prometheus reads
    (b"a 1 \xef\xbc\x91\n", 1, 5, "a timestamp should stand here"),
    (b"a 1 now\n", 1, 5, "a timestamp should stand here, not `now`"),
    (b"a 1 2 3\n", 1, 7, "the line should end here"),
    (b"a-b 1\n", 1, 2, "a blank and the value should stand here, not `-b`"),
    (b"9a 1\n", 1, 1, "a metric name should stand here"),
    (b'a{b="c} 1\n', 1, 5, "the quotes that begin here are never closed"),
    (b"a{b='c'} 1\n", 1, 5, "a value in double quotes"),
    (b"a{b=c} 1\n", 1, 5, "a value in double quotes"),
    (b'a{b="\\t"} 1\n', 1, 6, "may only stand before"),
    (b'a{b-c="d"} 1\n', 1, 4, "`=` should stand here"),
    (b'a{b="c" d="e"} 1\n', 1, 9, "`,` or `}` should stand here"),
    (b'a{b="c",,} 1\n', 1, 9, "a label or `}` should stand here"),
    (b'a{b="c",b="d"} 1\n', 1, 9, "the label `b` stands here a second time"),
    (b'a{b="c" 1\n', 1, 9, "`,` or `}` should stand here"),
    (b'{b="c"} 1\n', 1, 7, "the metric has no name"),
    (b"# TYPE\n", 1, 7, "a metric name should stand here"),
    (b"# TYPE a\n", 1, 9, "a blank should stand here"),
    (b"# TYPE a gauge \n", 1, 10, "`gauge ` is no type"),
    (b"# TYPE a count\n", 1, 10, "`count` is no type of the text format"),
    (b"# TYPE a gauge\n# TYPE a gauge\n", 2, 1, "a second TYPE line, the first one is line 1"),
    (b"# HELP a b\n# HELP a b\n", 2, 1, "a second HELP line"),
    (b"a 1\n# TYPE a gauge\n", 2, 1, "must come before its samples"),
    (b"a 1\nb 2\na 3\n", 3, 1, "must stand together; they begin in line 1"),
    (b"# TYPE a gauge\n# TYPE b gauge\na 3\n", 3, 1, "must stand together"),
    (b"# TYPE a histogram\na 1\n", 2, 1, "needs an ending: _bucket, _sum, _count"),
]
"""Texts with line, column and words of the first offence."""

RIGHT_OPENMETRICS = [
    b"# EOF",
    b"# EOF\n",
    b"# TYPE a counter\n# HELP a b\na_total 1\na_created 1700000000.5\n# EOF\n",
    b'# TYPE a counter\na_total{b="c"} 1 1700000000.123 # {trace_id="x"} 1 1700000000.5\n# EOF\n',
    b'# TYPE a_seconds histogram\n# UNIT a_seconds seconds\na_seconds_bucket{le="+Inf"} 1 # {} 0.5\n'
    b"a_seconds_count 1\na_seconds_sum 1\n# EOF\n",
    b'# TYPE a info\na_info{b="c"} 1\n# TYPE b stateset\nb{b="on"} 1\n# TYPE c unknown\nc 1\n# EOF\n',
    b'# TYPE a gauge\na{b="\\t"} 1\n# EOF\n',
]

WRONG_OPENMETRICS: list[Case] = [
    (b"", 1, 1, "must end with the line `# EOF`"),
    (b"a 1\n", 1, 3, "must end with the line `# EOF`"),
    (b"# EOF\na 1\n", 2, 1, "nothing may follow"),
    (b"# EOF\n\n", 2, 1, "nothing may follow"),
    (b"a 1\n\n# EOF\n", 2, 1, "no empty lines"),
    (b" a 1\n# EOF\n", 1, 1, "a metric name"),
    (b"a 1 \n# EOF\n", 1, 5, "a timestamp"),
    (b"a  1\n# EOF\n", 1, 3, "the value should stand here, not a blank"),
    (b'a{b="c"}1\n# EOF\n', 1, 9, "a blank and the value"),
    (b'a{b="c",} 1\n# EOF\n', 1, 9, "a label should follow the comma"),
    (b"# a comment\n# EOF\n", 1, 3, "OpenMetrics has no other comments"),
    (b"# TYPE a untyped\n# EOF\n", 1, 10, "`untyped` is no type of OpenMetrics"),
    (b"# TYPE a_total counter\na_total 1\n# EOF\n", 1, 8, "leaves `_total` out"),
    (b"# TYPE a counter\na 1\n# EOF\n", 2, 1, "needs an ending: _total, _created"),
    (b"# TYPE a gauge\n# UNIT a seconds\n# EOF\n", 2, 10, "does not end in its unit"),
    (b"a 1 # 1\n# EOF\n", 1, 7, "the labels of an exemplar"),
    (b"a 1 # {} x\n# EOF\n", 1, 10, "`x` is no number"),
    (b"# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\na 2\n# EOF\n", 5, 1, "must stand together"),
]


@pytest.mark.parametrize("body", RIGHT_TEXT)
def test_what_keeps_the_text_format_is_read(body: bytes) -> None:
    assert isinstance(scan(body, TEXT), Exposition)


@pytest.mark.parametrize("body", RIGHT_OPENMETRICS)
def test_what_keeps_openmetrics_is_read(body: bytes) -> None:
    assert isinstance(scan(body, OPENMETRICS), Exposition)


@pytest.mark.parametrize(
    ("syntax", "case"),
    [(TEXT, case) for case in WRONG_TEXT] + [(OPENMETRICS, case) for case in WRONG_OPENMETRICS],
    ids=lambda each: repr(each[0]) if isinstance(each, tuple) else "",
)
def test_the_first_offence_has_its_line_and_column(syntax: object, case: Case) -> None:
    body, line, column, words = case
    with pytest.raises(FormatError) as caught:
        scan(body, syntax)  # type: ignore[arg-type]

    assert (caught.value.line, caught.value.column) == (line, column)
    assert words in caught.value.message


def test_an_offence_in_the_midst_of_a_long_answer_is_the_one_that_is_told() -> None:
    lines = exposing.TEXT.splitlines(keepends=True)
    lines[11] = lines[11].replace(" 3", " three")
    lines[15] = "}\n"

    with pytest.raises(FormatError, match=r"^12:49: `three` is no number$"):
        scan("".join(lines).encode(), TEXT)


@pytest.mark.needs("prometheus")
def test_a_real_prometheus_takes_all_that_is_right_here(tmp_path: Path) -> None:
    right = [(body, exposing.TEXT_TYPE) for body in RIGHT_TEXT]
    right += [(body, exposing.OPENMETRICS_TYPE) for body in RIGHT_OPENMETRICS]
    wrong = (b"a 1_000\n", exposing.TEXT_TYPE)
    cases = [*right, wrong]

    def respond(handler: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], bytes]:
        body, content_type = cases[int(handler.path.strip("/"))]
        return 200, {"Content-Type": content_type}, body

    with exposing.Exposing(respond=respond) as server:
        groups = [
            {"targets": [server.address], "labels": {"__metrics_path__": f"/{number}", "number": str(number)}}
            for number in range(len(cases))
        ]
        jobs = [{"job_name": "cases", "scrape_interval": "1s", "static_configs": groups}]
        with start_prometheus(yaml.safe_dump({"scrape_configs": jobs}), tmp_path) as prometheus:

            def taken() -> dict[int, str]:
                result = prometheus.get_json("/api/v1/query?query=up")["data"]["result"]
                found = {int(each["metric"]["number"]): each["value"][1] for each in result}
                return found if len(found) == len(cases) else {}

            up = wait_for("every case was scraped", taken, 30, prometheus.log_tail)

    assert [cases[number][0] for number, value in sorted(up.items()) if value != "1"] == [wrong[0]]


@pytest.mark.parametrize("body", [*RIGHT_OPENMETRICS, *(case[0] for case in WRONG_OPENMETRICS)])
def test_prometheus_client_refuses_no_openmetrics_that_is_right_here(body: bytes) -> None:
    try:
        scan(body, OPENMETRICS)
    except FormatError:
        return
    assert list(read_openmetrics(body.decode())) is not None  # type: ignore[no-untyped-call]


def registry() -> CollectorRegistry:
    """A client library's registry with a family of each kind, and label values of every character."""
    made = CollectorRegistry()
    counter = Counter("orders", 'Orders with \\ and "quotes"\nand lines', ["symbol"], registry=made)
    counter.labels('BTC"\\\n{},=#').inc(2, {"trace_id": "abc"})
    Gauge("depth", "", registry=made).set(float("nan"))
    Histogram("latency", "", ["venue"], registry=made, buckets=(0.1, 1)).labels("é").observe(0.5, {"trace_id": "a"})
    Summary("size", "", registry=made).observe(3)
    Info("build", "", registry=made).info({"version": "1"})
    return made


def test_what_a_client_library_writes_is_read_with_all_its_values() -> None:
    text = scan(generate_latest(registry()), TEXT)
    openmetrics = scan(generate_openmetrics(registry()), OPENMETRICS)  # type: ignore[no-untyped-call]

    for read in (text, openmetrics):
        assert read.families["orders_total"].type == "counter"
        (order,) = (each for each in read.families["orders_total"].samples if each.name == "orders_total")
        assert (order.labels, order.value) == ({"symbol": 'BTC"\\\n{},=#'}, 2)
        latency = read.families["latency"]
        assert latency.type == "histogram"
        buckets = {each.labels["le"]: each.value for each in latency.samples if each.name == "latency_bucket"}
        assert buckets == {"0.1": 0, "1.0": 1, "+Inf": 1}
        assert len(latency.label_sets()) == 1
        assert read.families["build_info"].samples[0].labels == {"version": "1"}
    assert "latency_created" in text.families, "the text format has the time of creation as a family of its own"
