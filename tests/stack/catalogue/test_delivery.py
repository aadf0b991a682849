"""What would keep notifications or samples from arriving is refused before a file is written."""

from __future__ import annotations

from typing import Any

import pytest

from support.rendering import varied_text
from support.samples import problems_in


def codes(change: dict[str, Any], *path: str) -> list[str]:
    def apply(data: dict[str, Any]) -> None:
        for key in path:
            data = data.setdefault(key, {})
        data.update(change)

    found = problems_in(varied_text(apply))
    assert all(problem.where.line > 0 and problem.fix for problem in found)
    return [problem.code for problem in found]


def remote(**more: Any) -> dict[str, Any]:
    return {"remote_write": [{"name": "far", "url": "https://far.example/push", **more}]}


@pytest.mark.parametrize("name", ["prometheus", "node-exporter", "alloy"])
def test_a_service_cannot_be_called_like_a_part_of_the_stack(name: str) -> None:
    assert codes({name: {"address": f"{name}.example:7000"}}, "services") == ["catalogue/reserved-name"]


@pytest.mark.parametrize(
    "more",
    [
        {"username": "17"},
        {"password_file": "password"},
        {"username": "17", "password_file": "password", "credentials_file": "token"},
    ],
)
def test_a_remote_end_that_cannot_be_signed_in_at_is_refused(more: dict[str, Any]) -> None:
    assert set(codes(remote(**more), "stack")) == {"catalogue/remote-credentials"}


@pytest.mark.parametrize("header", ["Authorization", "content-type"])
def test_a_header_that_prometheus_sets_itself_is_refused(header: str) -> None:
    assert codes(remote(headers={header: "x"}), "stack") == ["catalogue/remote-header"]


def test_a_remote_end_with_one_way_to_sign_in_and_a_header_is_fine() -> None:
    assert codes(remote(credentials_file="token", headers={"X-Scope-OrgID": "trading"}), "stack") == []


def test_a_mail_server_wants_name_and_password_or_neither() -> None:
    mail = {"to": "a@example.com", "from": "b@example.com", "smarthost": "mail.example:25"}
    assert codes({"post": {"email": [mail]}}, "receivers") == []
    assert codes({"post": {"email": [{**mail, "username": "b"}]}}, "receivers") == ["catalogue/email"]
