"""What would keep Jaeger from its trace store is named with line and remedy."""

from __future__ import annotations

from typing import Any

import pytest

from support.rendering import varied_text
from support.samples import problems_in
from tapewatch_sdk.problems import Problem

STORE = {"engine": "cassandra", "servers": ["cassandra-1:9042", "cassandra-2:9042"]}


def found(more: dict[str, Any]) -> list[Problem]:
    problems = problems_in(varied_text(lambda data: data["stack"].update(traces={**STORE, **more})))
    assert all(problem.where.line > 0 and problem.must and problem.fix for problem in problems)
    return problems


def test_everything_there_is_can_be_said() -> None:
    assert not found({})
    tls = {"ca_file": "/run/secrets/ca", "cert_file": "/run/secrets/cert", "key_file": "/run/secrets/key"}
    assert not found(
        {"datacenter": "ld4", "keyspace": "spans", "replication": 2, "create": False, "username": "jaeger",
         "password_file": "/run/secrets/cassandra", "tls": tls, "replicas": 3}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ({"engine": "scylla"}, "bad-value", "should be 'cassandra'"),
        ({"servers": []}, "bad-value", "servers"),
        ({"servers": ["cassandra"]}, "bad-address", "is not an address"),
        ({"servers": ["a:1", "b:1", "a:1"]}, "traces-server", "a:1 is twice"),
        ({"username": "jaeger"}, "traces-sign-in", "one of `username` and `password_file`"),
        ({"password_file": "/run/secrets/x"}, "traces-sign-in", "one of `username` and `password_file`"),
        ({"tls": {"cert_file": "/run/secrets/x"}}, "traces-sign-in", "one of `cert_file` and `key_file`"),
        ({"username": "jaeger", "password": "x"}, "inline-secret", "`password` would put a secret into the file"),
        ({"keyspace": "No-Keyspace"}, "bad-value", "keyspace"),
        ({"replication": 0}, "bad-value", "replication"),
        ({"replicas": 0}, "bad-value", "replicas"),
    ],
)
def test_it_is_refused(more: dict[str, Any], code: str, said: str) -> None:
    problems = found(more)

    assert any((each.code, said in each.summary) == (f"catalogue/{code}", True) for each in problems), problems
