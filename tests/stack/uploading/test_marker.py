"""Our mark on a dashboard."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from stack.uploading.target import board
from tapewatch.uploading.marker import digest_of, mark_of, marked


def test_the_mark_names_the_project_the_dashboard_and_what_was_uploaded() -> None:
    model, mark = marked(board("orders").model, "trading")

    assert mark_of(model) == mark
    assert (mark.project, mark.uid, mark.digest) == ("trading", "orders", digest_of(model))
    assert model["description"].startswith("Are orders sent?\n\nUploaded by tapewatch")


def test_a_copy_under_another_uid_is_not_ours() -> None:
    model, _ = marked(board("orders").model, "trading")

    assert mark_of({**model, "uid": "mine"}) is None
    assert mark_of(board("orders").model) is None
    assert mark_of({"uid": "orders"}) is None


def test_what_grafana_writes_itself_is_no_change_and_what_a_person_does_is_one() -> None:
    model, mark = marked(board("orders").model, "trading")

    assert digest_of({**model, "id": 7, "version": 3}) == mark.digest
    assert digest_of({**model, "title": "Edited"}) != mark.digest
    assert digest_of({**model, "description": f"Mine. {model['description']}"}) != mark.digest


_values = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**53), 2**53) | some.floats(allow_nan=False, allow_infinity=False)
    | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(_values)
def test_a_dashboard_that_went_through_json_and_back_has_the_same_digest(value: Any) -> None:
    model = {"uid": "a", "description": "Is it?", "panels": value}
    sent, mark = marked(model, "trading")

    back = json.loads(json.dumps(sent, indent=1))

    assert (mark_of(back), digest_of(back)) == (mark, mark.digest)
