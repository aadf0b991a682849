"""Members that would be lost together, or that would tell everybody twice, are named with line and remedy."""

from __future__ import annotations

from typing import Any

import pytest

from support.rendering import varied, varied_text
from support.samples import problems_in
from tapewatch_sdk.problems import Problem


def found(more: dict[str, Any], stack: dict[str, Any] | None = None) -> list[Problem]:
    def change(data: dict[str, Any]) -> None:
        data["stack"].update(high_availability=more, **(stack or {}))

    problems = problems_in(varied_text(change))
    assert all(problem.where.line > 0 and problem.must and problem.fix for problem in problems)
    return problems


def codes(more: dict[str, Any], stack: dict[str, Any] | None = None) -> set[str]:
    return {problem.code.removeprefix("catalogue/") for problem in found(more, stack)}


def test_nothing_needs_to_be_said() -> None:
    ha = varied(lambda data: data["stack"].update(high_availability={})).stack.high_availability

    assert ha is not None
    assert (ha.replicas, ha.alertmanagers, ha.histories, ha.peer_timeout) == (2, 3, 2, "3s")
    assert ha.letters("alertmanager") == "abc"


def test_everything_there_is_can_be_said() -> None:
    assert not found(
        {
            "replicas": 3,
            "alertmanagers": 2,
            "histories": 1,
            "replica_label": "prometheus_replica",
            "peer_timeout": "5s",
            "settle_timeout": "20s",
            "reconnect_interval": "10s",
            "reconnect_timeout": "1h",
            "cluster_port": 29094,
            "port_step": 7,
            "data": {"alertmanager": ["/srv/a", "/srv/b"]},
        }
    )


def test_members_that_share_a_folder_are_refused() -> None:
    (problem,) = found({"data": {"prometheus": ["/srv/prometheus", "/srv/prometheus/"]}})

    assert problem.code == "catalogue/shared-volume"
    assert problem.summary == ("prometheus b keeps its data in `/srv/prometheus/`, where prometheus a keeps its own")


@pytest.mark.parametrize(
    "data",
    [
        {"prometheus": ["/srv", "/srv/b"]},
        {"history": ["/srv/b", "/srv"]},
        {"prometheus": ["/a", "/b"], "history": ["/b", "/c"]},
    ],
)
def test_a_folder_inside_another_members_is_shared_too(data: dict[str, Any]) -> None:
    assert codes({"data": data}) == {"shared-volume"}


@pytest.mark.parametrize("folders", [["/srv/a"], ["/srv/a", "/srv/b", "/srv/c"], ["/srv/a", "srv/b"]])
def test_each_member_has_one_folder_by_its_whole_path(folders: list[str]) -> None:
    assert codes({"data": {"prometheus": folders}}) == {"member-data"}


@pytest.mark.parametrize("label", ["service", "severity", "instance", "symbol"])
def test_a_replica_label_that_alerts_need_is_refused(label: str) -> None:
    assert codes({"replica_label": label}) == {"replica-label"}


def test_a_replica_label_that_is_an_external_label_is_refused() -> None:
    (problem,) = found({"replica_label": "site"}, {"external_labels": {"site": "london"}})

    assert problem.code == "catalogue/replica-label"
    assert "`stack.external_labels`" in problem.summary


@pytest.mark.parametrize("more", [{"peer_timeout": "0s"}, {"peer_timeout": "6s"}, {"alertmanagers": 5}])
def test_alertmanagers_that_wait_too_long_or_not_at_all_are_refused(more: dict[str, Any]) -> None:
    # The sample's shortest group_interval is 10s.
    assert codes(more) == {"peer-timeout"}


@pytest.mark.parametrize("key", ["settle_timeout", "reconnect_interval", "reconnect_timeout"])
def test_a_wait_of_nothing_is_refused(key: str) -> None:
    assert codes({key: "0s"}) == {"zero-interval"}


@pytest.mark.parametrize(
    "more",
    [
        {"cluster_port": 9090},
        {"port_step": 10},  # the second Prometheus at 9100, where node_exporter is
        {"cluster_port": 65500},
        {"cluster_port": 9094},  # signal-bridge's
        {"cluster_port": 19193},  # the second Alertmanager's own
    ],
)
def test_members_that_take_each_others_ports_are_refused(more: dict[str, Any]) -> None:
    assert codes(more) == {"port-clash"}


@pytest.mark.parametrize("more", [{"replicas": 1}, {"alertmanagers": 1}, {"histories": 0}, {"replicas": 27}])
def test_one_is_no_pair(more: dict[str, Any]) -> None:
    assert found(more)
