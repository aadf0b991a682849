"""What would lose years of metrics is named with line and remedy."""

from __future__ import annotations

from typing import Any

import pytest

from support.rendering import varied_text
from support.samples import problems_in
from tapewatch_sdk.problems import Problem

STORE = {"endpoint": "s3:9000", "bucket": "metrics", "credentials_file": "/run/secrets/object-store"}


def found(more: dict[str, Any]) -> list[Problem]:
    def change(data: dict[str, Any]) -> None:
        data["stack"]["long_term"] = {"engine": "mimir", "object_store": STORE, **more}
        data["stack"]["images"].update({name: {"image": f"x/{name}", "version": "1"} for name in ("mimir", "thanos")})

    problems = problems_in(varied_text(change))
    assert all(problem.where.line > 0 and problem.must and problem.fix for problem in problems)
    return problems


@pytest.mark.parametrize("engine", ["mimir", "thanos"])
def test_nothing_needs_to_be_said(engine: str) -> None:
    assert not found({"engine": engine})


def test_everything_there_is_can_be_said() -> None:
    retention = {"object_store": "30d", "archive": "7y", "archive_class": "STANDARD_IA"}
    store = STORE | {"region": "eu-west-2", "tls": False, "path_style": True}
    assert not found({"retention": retention, "object_store": store, "by_role": True, "replicas": 3})


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ({"object_store": None}, "long-term-store", "mimir has no object store"),
        ({"retention": {"object_store": "3d"}}, "long-term-tier", "no longer than the 7d of `stack.retention.metrics`"),
        ({"retention": {"archive": "90d"}}, "long-term-tier", "no longer than the 90d of `object_store`"),
        ({"engine": "thanos", "retention": {"object_store": "8d"}}, "long-term-tier", "before Thanos thins them out"),
        ({"engine": "cortex"}, "bad-value", "should be 'mimir' or 'thanos'"),
        ({"retention": {"archive": "1y", "archive_class": "DEEP_ARCHIVE"}}, "bad-value", "archive_class"),
        ({"replicas": 0}, "bad-value", "replicas"),
        ({"object_store": STORE | {"secret_access_key": "x"}}, "unknown-key", "secret_access_key"),
        ({"object_store": STORE | {"bucket": "No_Bucket"}}, "bad-value", "bucket"),
    ],
)
def test_it_is_refused(more: dict[str, Any], code: str, said: str) -> None:
    (problem,) = found(more)

    assert (problem.code, said in problem.summary) == (f"catalogue/{code}", True), problem


def test_an_engine_without_a_version_is_refused() -> None:
    def change(data: dict[str, Any]) -> None:
        data["stack"]["long_term"] = {"engine": "thanos", "object_store": STORE}

    (problem,) = problems_in(varied_text(change))
    assert problem.code == "catalogue/missing-image"
    assert "thanos" in problem.summary


@pytest.mark.parametrize("other", ["systemd", "kubernetes"])
def test_where_nobody_runs_the_engine_its_address_is_asked_for(other: str) -> None:
    def problems(**more: str) -> list[str]:
        def change(data: dict[str, Any]) -> None:
            data["stack"].pop("simulate")
            data["stack"]["long_term"] = {"engine": "mimir", "object_store": STORE, **more}
            data["stack"]["images"]["mimir"] = {"image": "x/mimir", "version": "1"}
            data["stack"][other] = {}

        found = problems_in(varied_text(change))
        assert all(problem.where.line > 0 and problem.must and problem.fix for problem in found)
        return [problem.code for problem in found]

    assert "catalogue/long-term-address" in problems()
    assert "catalogue/long-term-address" not in problems(address="mimir-gateway:80")


def test_what_thanos_leaves_out_is_nobodys_label() -> None:
    def change(data: dict[str, Any]) -> None:
        data["stack"]["long_term"] = {"engine": "thanos", "object_store": STORE}
        data["stack"]["images"]["thanos"] = {"image": "x/thanos", "version": "1"}
        data["stack"]["external_labels"] = {"thanos_tenant": "x"}
        data["services"]["risk-manager"]["labels"] = {"thanos_replica": "x"}

    problems = problems_in(varied_text(change))
    assert {problem.code for problem in problems} == {"catalogue/long-term-label"}
    assert len({problem.where.line for problem in problems}) == 2
