"""What a cluster cannot have is named with line and remedy, before an object is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.rendering import varied_text
from support.samples import problems_in
from tapewatch_sdk.problems import Problem

Data = dict[str, Any]


def found(change: Callable[[Data], object]) -> list[Problem]:
    def both(data: Data) -> None:
        data["stack"]["kubernetes"] = {}
        change(data)

    problems = problems_in(varied_text(both))
    assert all(problem.where.line > 0 and problem.must and problem.fix for problem in problems)
    return problems


def test_the_sample_can_go_into_a_cluster() -> None:
    assert found(lambda data: None) == []


def test_targets_in_files_are_refused() -> None:
    def change(data: Data) -> None:
        data["services"]["market-data"].update(address=None, discovery={"file": {"files": ["/etc/targets/*.json"]}})

    (problem,) = found(change)

    assert problem.code == "catalogue/cluster-files"
    assert "no pod of a cluster has them" in problem.summary


def test_a_file_of_the_host_is_refused_and_a_key_of_the_secret_is_not() -> None:
    def change(data: Data) -> None:
        data["receivers"]["desk-chat"] = {"slack": [{"channel": "#desk", "api_url_file": "/run/secrets/desk"}]}
        data["receivers"]["risk-chat"] = {"slack": [{"channel": "#risk", "api_url_file": "/etc/slack/risk url"}]}

    (problem,) = found(change)

    assert problem.fix == "write `/run/secrets/risk-url`, and put the file into the Secret under the key `risk-url`"


def test_a_file_that_every_service_inherits_is_told_once() -> None:
    tls = {"scheme": "https", "tls": {"ca_file": "/etc/ssl/own.pem"}}

    (problem,) = found(lambda data: data["defaults"]["scrape"].update(tls))

    assert "/etc/ssl/own.pem" in problem.summary


def test_folders_of_a_host_are_refused() -> None:
    folders = {"prometheus": ["/srv/a", "/srv/b"]}

    (problem,) = found(lambda data: data["stack"].update(high_availability={"data": folders}))

    assert problem.code == "catalogue/cluster-files"
    assert problem.fix == "remove `data`"


@pytest.mark.parametrize("address", ["api.example.com:8000", "1api:8000", "API:8000"])
def test_a_history_that_could_not_be_a_service_is_refused(address: str) -> None:
    problems = found(lambda data: data["stack"].update(history={"address": address}))

    assert "catalogue/cluster-name" in {problem.code for problem in problems}


@pytest.mark.parametrize(
    ("key", "value"),
    [("namespace", "m" * 64), ("namespace", "Monitoring"), ("secret", "a_b"), ("volumes", {"prometheus": "50 GB"})],
)
def test_what_is_no_name_or_size_in_a_cluster_is_refused(key: str, value: Any) -> None:
    assert found(lambda data: data["stack"]["kubernetes"].update({key: value}))


def test_the_operator_spreads_services_also_without_an_engine() -> None:
    assert found(lambda data: data["stack"].update(shards=4)) == []


def test_no_shard_at_all_is_refused() -> None:
    (problem,) = found(lambda data: data["stack"].update(shards=0))

    assert "shards" in str(problem.where.path)
    assert "1" in problem.must
