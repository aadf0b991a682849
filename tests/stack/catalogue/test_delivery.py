"""What would keep notifications from arriving is refused before a file is written."""

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


@pytest.mark.parametrize("name", ["prometheus", "node-exporter", "alloy"])
def test_a_service_cannot_be_called_like_a_part_of_the_stack(name: str) -> None:
    assert codes({name: {"address": f"{name}.example:7000"}}, "services") == ["catalogue/reserved-name"]


def test_a_mail_server_wants_name_and_password_or_neither() -> None:
    mail = {"to": "a@example.com", "from": "b@example.com", "smarthost": "mail.example:25"}
    assert codes({"post": {"email": [mail]}}, "receivers") == []
    assert codes({"post": {"email": [{**mail, "username": "b"}]}}, "receivers") == ["catalogue/email"]
