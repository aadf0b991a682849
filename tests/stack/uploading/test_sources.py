"""Data sources that have other UIDs elsewhere."""

from __future__ import annotations

import pytest

from stack.uploading.target import Target, board
from tapewatch.uploading.sources import missing_sources, read_mapping, with_sources
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.names import DATASOURCE_LOKI, DATASOURCE_PROMETHEUS
from tapewatch_sdk.problems import Severity

LOKI = {"type": "loki", "uid": DATASOURCE_LOKI}


def test_their_uids_stand_in_the_place_of_ours_wherever_one_is_named() -> None:
    logs = {"type": "logs", "title": "Logs", "datasource": LOKI, "targets": [{"datasource": LOKI, "expr": "{}"}]}
    dashboard = board("orders", panels=[logs])

    made = with_sources(dashboard, read_mapping(["loki=P8E80F9AEF21F6940", "prometheus=metrics"]))

    assert made.model["panels"][0]["datasource"]["uid"] == "P8E80F9AEF21F6940"
    assert made.model["panels"][0]["targets"][0]["datasource"]["uid"] == "P8E80F9AEF21F6940"
    assert made.model["templating"]["list"][0]["current"]["value"] == "metrics"
    assert dashboard.model["panels"][0]["datasource"]["uid"] == DATASOURCE_LOKI


@pytest.mark.parametrize("word", ["loki", "loki=", "=x", "tempo=x"])
def test_a_word_that_names_no_data_source_is_refused(word: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        read_mapping([word])

    assert [problem.code for problem in caught.value.problems] == ["upload/bad-datasource"]


def test_a_data_source_that_is_not_there_is_named_as_a_warning(target: Target) -> None:
    (warning,) = missing_sources(target.robot("Viewer"), [board("orders")])

    assert (warning.code, warning.severity) == ("upload/missing-datasource", Severity.WARNING)
    assert DATASOURCE_PROMETHEUS in warning.summary
    assert "--datasource prometheus=UID" in warning.fix
    there = with_sources(board("orders"), {DATASOURCE_PROMETHEUS: "grafana"})
    assert list(missing_sources(target.robot("Viewer"), [there])) == []
