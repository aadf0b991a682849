"""What an alert on log lines looks at is read the way a real Loki reads it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

import pytest

from support.rendering import render, write
from support.samples import load_sample
from support.servers import Server, start_loki
from tapewatch import layout
from tapewatch.logql import LogqlError, Matcher, read
from tapewatch.renderers.loki import LokiRenderer
from tapewatch.renderers.where import native

GOOD = [
    'sum(count_over_time({service="api"} |= "lost" [5m])) > 0',
    'sum by (service) (rate({service="api", level=~"error|critical"} != "x{y" [1m])) > 0.5',
    '{service="api"} | json | latency_ms > 10',
    'quantile_over_time(0.99, {service="api"} | json | unwrap duration(took) [1h30m]) by (service) > 0.5',
    'rate({service="api"} |~ `a}b[5m] "` [5m] offset 1m) / rate({service="api"}[5m]) > bool 0.1',
    'count_over_time({service="api"} | line_format "{{.message}} \\"[5m]\\"" [5m]) # in {braces}\n> 3',
    'topk(3, sum by (symbol) (count_over_time({service="api"} | logfmt [5m]))) or vector(0)',
    'absent_over_time({service="api"}[10m])',
]

BAD = [
    "",
    '{service="api"',
    'rate({service="api"}[5m]',
    'rate({service="api"}[5m]))',
    'rate({service="api"}[5])',
    "rate({service='api'}[5m])",
    'rate({service="api}[5m])',
    'rate({service="api" level="error"}[5m])',
    'rate({service="api",}[5m])',
    "rate({service=api}[5m])",
    "rate({}[5m])",
    'rate({service=="api"}[5m])',
    'rate({service="api"} |= `lost [5m])',
    'rate({"service"="api"}[5m])',
]


@pytest.fixture(scope="module")
def loki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("loki")
    locate = partial(native, data=str(folder / "data"), config=str(folder / layout.PROVISIONING))
    config = write(render(LokiRenderer(locate), load_sample()), folder) / layout.LOKI / "loki.yml"
    with start_loki(config, folder) as server:
        yield server


@pytest.mark.needs("loki")
def test_a_real_loki_agrees_on_what_is_an_expression(loki: Server) -> None:
    """Not on everything: the reader knows brackets, strings and selectors, and leaves the rest to Loki."""
    for expr in GOOD:
        read(expr)
        loki.get(f"/loki/api/v1/query_range?query={quote(expr)}")
    for expr in BAD:
        with pytest.raises(OSError, match="400"):
            loki.get(f"/loki/api/v1/query_range?query={quote(expr)}")
        if expr:
            with pytest.raises(LogqlError):
                read(expr)


@pytest.mark.parametrize("expr", GOOD)
def test_each_selector_is_found_with_its_matchers(expr: str) -> None:
    assert all(Matcher("service", "=", "api") in selector.matchers for selector in read(expr).selectors)
    assert len(read(expr).selectors) == expr.count('{service="api"')


@pytest.mark.parametrize("expr", [expr for expr in BAD if expr])
def test_what_is_wrong_is_told_with_its_place(expr: str) -> None:
    with pytest.raises(LogqlError, match=r"at character \d+$") as caught:
        read(expr)

    assert 1 <= caught.value.position <= len(expr) + 1


def test_a_range_shows_that_something_is_counted() -> None:
    assert read('sum(rate({service="api"}[5m])) / sum(rate({service="api"}[1h30m]))').ranges == ("5m", "1h30m")
    assert read('{service="api"} |= "[5m]"').ranges == ()


def test_values_are_read_without_their_quotes() -> None:
    (selector,) = read('{service="a\\"b", path=`c:\\d`, level!="", symbol!~"x|y"}').selectors

    assert selector.matchers == (
        Matcher("service", "=", 'a"b'), Matcher("path", "=", "c:\\d"), Matcher("level", "!=", ""),
        Matcher("symbol", "!~", "x|y"),
    )  # fmt: skip
