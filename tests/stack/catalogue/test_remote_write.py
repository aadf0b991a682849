"""A remote end at which nothing would arrive, or to which a key would go in the open, is named with line and remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from support.rendering import varied, varied_text
from support.samples import problems_in
from tapewatch.catalogue import Loaded, load_text
from tapewatch_sdk.problems import Problem, Severity

FAR = {"name": "far", "url": "https://far.example/push"}


def text(*remotes: dict[str, Any]) -> str:
    return varied_text(lambda data: data["stack"].update(remote_write=list(remotes)))


def found(*remotes: dict[str, Any]) -> list[Problem]:
    problems = problems_in(text(*remotes))
    assert all(problem.where.line > 0 and problem.must and problem.fix for problem in problems)
    return problems


def codes(**more: Any) -> set[str]:
    return {problem.code.removeprefix("catalogue/") for problem in found({**FAR, **more})}


def loaded(**more: Any) -> Loaded:
    return load_text(text({**FAR, **more}))


def test_name_and_url_are_enough() -> None:
    (remote,) = varied(lambda data: data["stack"].update(remote_write=[FAR])).stack.remote_write

    assert (remote.max_shards, remote.capacity, remote.max_backoff) == (10, 10000, "5s")
    assert remote.retry_on_429
    assert remote.send_exemplars


def test_everything_there_is_can_be_said() -> None:
    assert not loaded(
        username="17",
        password_file="/run/secrets/far",
        headers={"X-Scope-OrgID": "trading"},
        tls={"ca_file": "/run/secrets/ca.pem", "cert_file": "/run/secrets/c.pem", "key_file": "/run/secrets/k.pem"},
        keep=[{"regex": "risk_.+|up"}, {"label": "team", "regex": "risk"}],
        drop=[{"regex": "go_.+"}, {"regex": "process_.+"}],
        timeout="1m",
        max_shards=50,
        capacity=20000,
        max_samples_per_send=5000,
        batch_send_deadline="10s",
        min_backoff="100ms",
        max_backoff="30s",
        retry_on_429=False,
        sample_age_limit="2h",
        send_exemplars=False,
    ).warnings


@pytest.mark.parametrize(
    "more",
    [
        {"username": "17"},
        {"password_file": "/run/secrets/far"},
        {"username": "17", "password_file": "/run/secrets/far", "credentials_file": "/run/secrets/token"},
        {"tls": {"cert_file": "/run/secrets/cert.pem"}},
    ],
)
def test_a_remote_end_that_cannot_be_signed_in_at_is_refused(more: dict[str, Any]) -> None:
    assert codes(**more) == {"remote-credentials"}


@pytest.mark.parametrize(
    "more",
    [
        {"password": "secret"},
        {"credentials": "secret"},
        {"bearer_token": "secret"},
        {"api_key": "secret"},
        {"url": "https://17:secret@far.example/push"},
        {"url": "https://far.example/push?api_key=secret"},
        {"url": "https://far.example/push?token=secret"},
        {"headers": {"X-API-Key": "secret"}},
        {"headers": {"X-Auth-Token": "secret"}},
    ],
)
def test_a_key_in_the_catalogue_is_refused_wherever_it_stands_and_not_shown(more: dict[str, Any]) -> None:
    (problem,) = found({**FAR, **more})

    assert problem.code == "catalogue/inline-secret"
    assert "secret" not in (problem.summary + problem.fix).replace("/run/secrets", "").replace("put a secret", "")


@pytest.mark.parametrize("header", ["Authorization", "content-type", "X-Prometheus-Remote-Write-Version"])
def test_a_header_that_prometheus_sets_itself_is_refused(header: str) -> None:
    assert codes(headers={header: "x"}) == {"remote-header"}


@pytest.mark.parametrize("file", ["password", "secrets/far", "../far", "/run/secrets/"])
@pytest.mark.parametrize("place", ["credentials_file", "tls"])
def test_a_file_has_a_whole_path_since_the_folder_of_the_configuration_is_generated(file: str, place: str) -> None:
    assert codes(**{place: {"ca_file": file} if place == "tls" else file}) == {"remote-file"}


def test_two_remote_ends_have_two_names() -> None:
    (problem,) = found(FAR, {**FAR, "url": "https://other.example/push"})

    assert problem.code == "catalogue/duplicate-remote"
    assert problem.where.path == "stack.remote_write[1].name"


def test_series_are_kept_by_a_label_once_since_each_of_them_has_to_match() -> None:
    assert codes(keep=[{"regex": "risk_.+"}, {"regex": "orders_.+"}]) == {"remote-keep"}
    assert codes(drop=[{"regex": "risk_.+"}, {"regex": "orders_.+"}]) == set()


@pytest.mark.parametrize("regex", ["go_(", "go_(?=x)", r"(a)\1", "*"])
def test_what_prometheus_cannot_read_as_a_regular_expression_is_refused(regex: str) -> None:
    assert codes(drop=[{"regex": regex}]) == {"bad-regex"}


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"capacity": 1000}, "remote-queue"),
        ({"min_backoff": "10s"}, "remote-queue"),
        ({"min_backoff": "0s"}, "zero-interval"),
        ({"max_backoff": "0s", "min_backoff": "0s"}, "zero-interval"),
        ({"timeout": "0"}, "zero-interval"),
        ({"batch_send_deadline": "0s"}, "zero-interval"),
        ({"max_shards": 0}, "bad-value"),
        ({"max_samples_per_send": 0}, "bad-value"),
        ({"sample_age_limit": "2 hours"}, "bad-duration"),
    ],
)
def test_a_queue_that_could_not_work_is_refused(more: dict[str, Any], code: str) -> None:
    assert codes(**more) == {code}


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://metrics.example.com/push", True),
        ("http://10.0.0.7:9009/api/v1/push", True),
        ("https://metrics.example.com/push", False),
        ("http://mimir:9009/api/v1/push", False),
        ("http://127.0.0.1:9009/api/v1/push", False),
        ("http://[::1]:9009/api/v1/push", False),
        ("http://host.docker.internal:9009/api/v1/push", False),
    ],
)
def test_a_key_that_leaves_the_machine_unencrypted_is_warned_of_and_used_all_the_same(url: str, warned: bool) -> None:
    warnings = loaded(url=url, credentials_file="/run/secrets/far").warnings

    assert [(each.code, each.severity) for each in warnings] == [
        ("catalogue/remote-plain", Severity.WARNING),
    ] * warned
    assert all(each.where.line > 0 and each.fix for each in warnings)
    assert loaded(url=url).warnings == ()


def test_a_warning_is_told_together_with_what_is_wrong() -> None:
    plain = {**FAR, "url": "http://far.example/push", "credentials_file": "/run/secrets/far"}
    assert severities(found(plain, {**FAR, "capacity": 1, "name": "near"})) == [Severity.WARNING, Severity.ERROR]


def severities(problems: Sequence[Problem]) -> list[Severity]:
    return [problem.severity for problem in problems]
