"""How long the history keeps what, in the catalogue."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.rendering import varied, varied_text
from support.samples import problems_in
from tapewatch.catalogue.validation import _history
from tapewatch.history.store.retention import DEFAULTS, Retention
from tapewatch_sdk.problems import Problem


def found(**keep: str) -> list[Problem]:
    return problems_in(varied_text(lambda data: data["stack"]["history"].update(keep=keep)))


def test_a_period_holds_for_what_it_names_and_the_defaults_for_the_rest() -> None:
    catalogue = varied(lambda data: data["stack"]["history"].update(keep={"samples": "14d", "market_data": "1y"}))
    assert catalogue.stack.history

    retention = Retention.of_catalogue(catalogue.stack.history.keep)

    assert retention.periods == {**DEFAULTS, "samples": timedelta(days=14), "market_data": timedelta(days=365)}


def test_the_check_knows_the_defaults_of_the_store() -> None:
    told = {name: Retention.of_catalogue({name: period}).periods[name] for name, period in _history._DEFAULTS.items()}

    assert told == {name: DEFAULTS[name] for name in told}


@pytest.mark.parametrize(
    ("keep", "place", "must"),
    [
        ({"audit": "23h"}, "stack.history.keep.audit", "at least 24 hours"),
        ({"trades_seen": "30m"}, "stack.history.keep.trades_seen", "at least an hour"),
        ({"5m": "29d"}, "stack.history.keep.5m", "what is coarser is kept as long at least"),
        ({"samples": "31d"}, "stack.history.keep.samples", "what is coarser is kept as long at least"),
    ],
)
def test_a_period_that_is_too_short_is_named_with_its_line(keep: dict[str, str], place: str, must: str) -> None:
    (problem,) = found(**keep)

    assert problem.code == "catalogue/history-keep"
    assert problem.where.path == place
    assert problem.where.line > 0
    assert problem.must == must
    assert problem.fix


def test_what_is_no_name_of_something_kept_is_refused() -> None:
    assert found(**{"Samples!": "7d"})
