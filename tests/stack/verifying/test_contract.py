"""Each way to break the contract, alone: it is found, named and placed, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from stack.verifying.conftest import Verify
from stack.verifying.exposing import OPENMETRICS, TEXT, Exposing
from tapewatch.verifying.platform import Verification
from tapewatch_sdk.instruments import MetricsRegistry, generate_text
from tapewatch_sdk.problems import Problem, Severity

LATENCY = "\n".join(line for line in TEXT.splitlines() if line.startswith("quote_latency_ms")) + "\n"
BYTES = "\n".join(line for line in TEXT.splitlines() if line.startswith("quote_bytes")) + "\n"

Case = tuple[str, str, str, str, str]

CASES: list[Case] = [
    # what is replaced, by what; the code; words of the summary; the line that is shown (`domains...`: the catalogue's)
    ("# HELP quotes_open Quotes that stand\n# TYPE quotes_open gauge\nquotes_open 7\n", "",
     "verify/missing-family", "no `quotes_open` is exposed by `quoter`", "quotes_open:"),
    ("quotes_open 7\n", "",
     "verify/missing-family", "has a TYPE line and no value", "# TYPE quotes_open gauge"),
    ("# HELP quote_bytes", "# TYPE bids_open gauge\nbids_open 1\n# HELP quote_bytes",
     "verify/undeclared-family", "`quoter` emits `bids_open`", "# TYPE bids_open gauge"),
    ("# HELP quote_bytes", "hedges_total 1\n# HELP quote_bytes",
     "verify/undeclared-family", "`quoter` emits `hedges_total`", "hedges_total 1"),
    ("# TYPE quotes_total counter", "# TYPE quotes_total gauge",
     "verify/wrong-type", "`quotes_total` of `quoter` is a gauge, not a counter", "# TYPE quotes_total gauge"),
    ("# TYPE quotes_total counter\n", "",
     "verify/wrong-type", "has no type, not a counter", "# HELP quotes_total Quotes sent"),
    ("# TYPE quote_latency_ms histogram\n", "",
     "verify/wrong-type", "`quote_latency_ms` of `quoter` has no type", '"1.0"} 1'),
    ('quotes_total{symbol="BTC",side="buy"} 3', 'quotes_total{symbol="BTC"} 3',
     "verify/wrong-labels", "has the label `symbol`, not `symbol`, `side` (1 of 2 series)", '{symbol="BTC"} 3'),
    ('quotes_total{symbol="BTC",side="buy"} 3', 'quotes_total{symbol="BTC",side=""} 3',
     "verify/wrong-labels", "has the label `symbol`, not", 'side=""'),
    ("quotes_open 7", 'quotes_open{venue="X"} 7',
     "verify/wrong-labels", "has the label `venue`, not none", 'quotes_open{venue="X"} 7'),
    ('symbol="ETH",side="buy"', 'ticker="ETH",side="buy"',
     "verify/wrong-labels", "has the labels `side`, `ticker`, not `symbol`, `side` (1 of 2", 'ticker="ETH"'),
    ('le="5.0"', 'le="6.0"',
     "verify/wrong-buckets", "has no bucket 5, but 6.0", 'le="6.0"'),
    ('quote_latency_ms_bucket{symbol="BTC",le="5.0"} 2\n', "",
     "verify/wrong-buckets", "has no bucket 5", 'le="1.0"'),
    ('quote_latency_ms_bucket{symbol="BTC",le="+Inf"} 3\n', "",
     "verify/wrong-buckets", "has no bucket +Inf", 'le="1.0"'),
    ('quote_latency_ms_bucket{symbol="BTC",le="+Inf"}',
     'quote_latency_ms_bucket{symbol="BTC",le="9"} 3\nquote_latency_ms_bucket{symbol="BTC",le="+Inf"}',
     "verify/wrong-buckets", "has a bucket 9 more", 'le="9"'),
    (',le="5.0"', "",
     "verify/wrong-buckets", "has no bucket 5, but no `le`", '_bucket{symbol="BTC"} 2'),
    ('quotes_total{symbol="ETH",side="buy"} 4', 'quotes_total{symbol="ETH",side="buy"} -4',
     "verify/impossible-value", "`quotes_total` of `quoter` is -4", "buy\"} -4"),
    ('quotes_total{symbol="ETH",side="buy"} 4', 'quotes_total{symbol="ETH",side="buy"} NaN',
     "verify/impossible-value", "is NaN", "NaN"),
    ('le="1.0"} 1', 'le="1.0"} 2.5',
     "verify/impossible-value", "is 2.5", "2.5"),
    ('le="1.0"} 1', 'le="1.0"} 3',
     "verify/impossible-value", 'counts 2 up to le="5.0", although 3 up to le="1.0"', 'le="5.0"'),
    ('quote_latency_ms_count{symbol="BTC"} 3', 'quote_latency_ms_count{symbol="BTC"} 4',
     "verify/impossible-value", "is 4, although the bucket +Inf has 3", "_count"),
    ('quote_latency_ms_sum{symbol="BTC"} 20.5', 'quote_latency_ms_sum{symbol="BTC"} NaN',
     "verify/impossible-value", "`quote_latency_ms_sum` of `quoter` is NaN", "_sum"),
    ('quantile="0.5"', 'quantile="50"',
     "verify/impossible-value", "has the quantile `50`", 'quantile="50"'),
    ("quote_bytes_count 3", "quote_bytes_count -3",
     "verify/impossible-value", "is -3", "quote_bytes_count -3"),
    ('quote_latency_ms_sum{symbol="BTC"} 20.5\n', "",
     "verify/incomplete", "lacks `quote_latency_ms_sum`", 'le="1.0"'),
    ("quote_bytes_sum 300\nquote_bytes_count 3\n", "",
     "verify/incomplete", "lacks `quote_bytes_sum` and `quote_bytes_count`", "quantile"),
    ("quotes_open 7\n", "quotes_open 7\nquotes_open 8\n",
     "verify/duplicate-series", "a series of `quotes_open` twice, first in line 7", "quotes_open 8"),
    ("quotes_open 7", 'quotes_open{service="quoter"} 7',
     "verify/target-label", "sets the label `service` itself, on `quotes_open`", 'service="quoter"'),
    ("quotes_open 7", 'quotes_open{desk="one"} 7',
     "verify/target-label", "sets the label `desk` itself", 'desk="one"'),
    ("# HELP quote_bytes", "# HELLO\nquote bytes\n# HELP quote_bytes",
     "verify/bad-format", "breaks the text format: `bytes` is no number", "quote bytes"),
]  # fmt: skip


def only(verification: Verification) -> Problem:
    """The one problem that was found."""
    assert len(verification.problems) == 1, [problem.summary for problem in verification.problems]
    return verification.problems[0]


def test_a_service_that_keeps_its_contract_has_no_problem(verified: Verify, quoter: Exposing) -> None:
    verification = verified()

    assert verification.problems == []
    (checked,) = verification.checked
    assert (checked.service, checked.url, checked.families, checked.declared) == ("quoter", quoter.url, 5, 5)
    assert checked.series == 13


def test_one_that_speaks_openmetrics_is_read_in_that(verified: Verify, quoter: Exposing) -> None:
    quoter.text = "not asked for\n"
    quoter.openmetrics = OPENMETRICS

    assert verified().problems == []


@pytest.mark.parametrize(("old", "new", "code", "summary", "shown"), CASES)
def test_a_breach_is_found_alone_with_its_line(
    verified: Verify, quoter: Exposing, old: str, new: str, code: str, summary: str, shown: str
) -> None:
    assert old in TEXT
    quoter.text = TEXT.replace(old, new, 1)

    problem = only(verified(labels={"desk": "one"}))

    assert problem.code == code
    assert summary in problem.summary
    assert shown in problem.where.excerpt
    assert problem.severity is Severity.ERROR
    assert problem.must
    assert problem.fix
    if problem.where.file == quoter.url:
        assert problem.where.excerpt == quoter.text.splitlines()[problem.where.line - 1]
    else:
        assert problem.where.path == "domains.quoting.quotes_open"


OPENMETRICS_CASES = [case for case in CASES if "TYPE quotes_total" not in case[0] and "bad-format" not in case[2]]


@pytest.mark.parametrize(("old", "new", "code", "summary", "shown"), OPENMETRICS_CASES)
def test_it_is_the_same_in_openmetrics(
    verified: Verify, quoter: Exposing, old: str, new: str, code: str, summary: str, shown: str
) -> None:
    quoter.openmetrics = OPENMETRICS.replace(old, new, 1)

    problem = only(verified(labels={"desk": "one"}))

    assert (problem.code, summary in problem.summary, shown in problem.where.excerpt) == (code, True, True)


def test_what_must_hold_names_the_line_of_the_catalogue(verified: Verify, quoter: Exposing, tmp_path: Path) -> None:
    quoter.text = TEXT.replace("# TYPE quotes_open gauge", "# TYPE quotes_open counter")

    problem = only(verified())

    cited = re.search(r"catalogue\.yaml:(\d+)", problem.must)
    assert cited
    lines = (tmp_path / "catalogue.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[int(cited[1]) - 1].strip() == "quotes_open:"
    assert problem.where.path == "domains.quoting.quotes_open"
    assert problem.where.excerpt[problem.where.excerpt_column - 1 :] == "counter"


def test_a_family_with_labels_that_has_no_series_yet_is_a_warning(verified: Verify, quoter: Exposing) -> None:
    quoter.text = re.sub(r"quotes_total\{.*\n", "", TEXT)

    problem = only(verified())

    assert (problem.code, problem.severity) == ("verify/no-series", Severity.WARNING)


def test_more_combinations_of_labels_than_the_budget_are_told_with_the_label_that_has_most(
    verified: Verify, quoter: Exposing
) -> None:
    more = "".join(f'quotes_total{{symbol="S{number}",side="buy"}} 1\n' for number in range(9))
    quoter.text = TEXT.replace("# HELP quotes_open", f"{more}# HELP quotes_open")

    assert verified(series_budget=11).problems == []
    problem = only(verified(series_budget=10))

    assert problem.code == "verify/series-budget"
    assert "has 11 combinations of labels; `symbol` has 11 values" in problem.summary
    assert "at most 10, the `series_budget`" in problem.must


def test_buckets_of_one_histogram_count_as_one_in_the_budget(verified: Verify) -> None:
    assert verified(series_budget=2).problems == []


def test_a_label_that_the_service_sets_everywhere_is_one_problem(verified: Verify, quoter: Exposing) -> None:
    quoter.text = re.sub(r"^(\w+)\{", r'\1{instance="x",', TEXT, flags=re.MULTILINE)
    quoter.text = re.sub(r"^(\w+) ", r'\1{instance="x"} ', quoter.text, flags=re.MULTILINE)

    problem = only(verified())

    assert problem.code == "verify/target-label"
    assert "`instance` itself, on `quotes_total` and 5 more" in problem.summary


@pytest.mark.parametrize(
    "extra",
    [
        "go_goroutines 4",
        'python_info{version="3.11"} 1',
        'promhttp_metric_handler_requests_total{code="200"} 1',
        "tapewatch_sdk_dropped_total 0",
        'target_info{service_name="quoter"} 1',
        "# TYPE quotes_created gauge\nquotes_created 1.7e9",
        "# TYPE quote_latency_ms_created gauge\nquote_latency_ms_created 1.7e9",
    ],
)
def test_what_client_libraries_add_by_themselves_need_not_be_declared(
    verified: Verify, quoter: Exposing, extra: str
) -> None:
    quoter.text = f"{TEXT}{extra}\n"

    assert verified().problems == []


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda text: text.replace("quotes_open", "quotes_opened"), "rename `quotes_opened`, if that is meant"),
        (lambda text: text.replace("quotes_open", "x"), "emit it, also before the first event"),
    ],
)
def test_a_family_that_is_missing_comes_with_the_name_that_may_be_meant(
    verified: Verify, quoter: Exposing, change: Callable[[str], str], hint: str
) -> None:
    quoter.text = change(TEXT)

    missing, undeclared = sorted(verified().problems, key=lambda problem: problem.code)

    assert (missing.code, undeclared.code) == ("verify/missing-family", "verify/undeclared-family")
    assert hint in missing.fix


def test_a_family_of_a_domain_that_the_service_does_not_emit_says_which(verified: Verify, quoter: Exposing) -> None:
    quoter.text = f"{TEXT}# TYPE hedges_total counter\nhedges_total 1\n"

    assert "add `hedging` to the `emits` of `quoter`" in only(verified()).fix


def test_a_histogram_where_a_gauge_is_declared_is_the_wrong_type(verified: Verify, quoter: Exposing) -> None:
    histogram = (
        LATENCY.replace("quote_latency_ms", "quotes_open").replace('symbol="BTC",', "").replace('{symbol="BTC"}', "")
    )
    quoter.text = TEXT.replace(
        "# TYPE quotes_open gauge\nquotes_open 7\n", f"# TYPE quotes_open histogram\n{histogram}"
    )

    problem = only(verified())

    assert problem.code == "verify/wrong-type"
    assert "`quotes_open` of `quoter` is a histogram, not a gauge" in problem.summary


def test_a_summary_where_a_histogram_is_declared_is_the_wrong_type(verified: Verify, quoter: Exposing) -> None:
    summary = BYTES.replace("quote_bytes", "quote_latency_ms").replace("{quantile", '{symbol="BTC",quantile')
    summary = re.sub(r"(_sum|_count) ", r'\1{symbol="BTC"} ', summary)
    quoter.text = TEXT.replace(
        f"# TYPE quote_latency_ms histogram\n{LATENCY}", f"# TYPE quote_latency_ms summary\n{summary}"
    )

    problem = only(verified())

    assert problem.code == "verify/wrong-type"
    assert "is a summary, not a histogram" in problem.summary


def test_several_breaches_are_all_told(verified: Verify, quoter: Exposing) -> None:
    quoter.text = TEXT.replace("quotes_open 7", 'quotes_open{venue="X",team="a"} NaN').replace('"5.0"', '"6.0"')

    assert {problem.code for problem in verified().problems} == {
        "verify/wrong-labels", "verify/target-label", "verify/wrong-buckets",
    }  # fmt: skip


def test_an_answer_that_breaks_the_format_is_not_held_against_the_catalogue(verified: Verify, quoter: Exposing) -> None:
    quoter.text = TEXT.replace("quotes_open 7", "quotes_open seven").replace("# TYPE quotes_total counter\n", "")

    problem = only(verified())

    assert problem.code == "verify/bad-format"
    assert (problem.where.file, problem.where.line, problem.where.column) == (quoter.url, 6, 13)
    assert problem.where.path == "services.quoter"


@pytest.mark.parametrize(
    ("reason", "code", "words"),
    [
        ("series_budget", "verify/series-budget", "is full: the SDK has dropped 3 updates"),
        ("labels", "verify/wrong-labels", "with other labels: the SDK has dropped 3 updates"),
    ],
)
def test_what_the_sdk_kept_back_is_a_breach_too(
    verified: Verify, quoter: Exposing, reason: str, code: str, words: str
) -> None:
    registry = MetricsRegistry(series_budget=2)
    quotes = registry.counter("quotes_total", "Quotes sent", ["symbol", "side"])
    for number in range(5):
        labels = {"symbol": f"S{number}", "side": "buy"}
        quotes.inc(labels=labels if number < 2 or reason == "series_budget" else {"ticker": "S"})
    quoter.text = generate_text(registry).decode() + TEXT[TEXT.index("# HELP quotes_open") :]

    problem = only(verified())

    assert problem.code == code
    assert words in problem.summary
    assert f'reason="{reason}"' in problem.where.excerpt
