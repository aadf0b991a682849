"""All alerts in the stack as it is committed, at its own pace: for a nightly, because it takes some 12 minutes.

TAPEWATCH_NIGHTLY=1 make test PYTEST_ARGS=tests/e2e/test_unscaled.py
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from support.cli import run
from support.compose import Stack, compose_stack

NIGHTLY = "TAPEWATCH_NIGHTLY"

pytestmark = [
    pytest.mark.needs("docker", "compose", "images"),
    pytest.mark.skipif(not os.environ.get(NIGHTLY), reason=f"a nightly of some 12 minutes; set {NIGHTLY}=1"),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The sample's stack with nothing divided."""
    with compose_stack(tmp_path_factory.mktemp("stack"), factor=None) as running:
        yield running


def test_every_alert_fires_after_its_own_time_arrives_and_resolves(stack: Stack) -> None:
    done = run("drill", "--all", "--format", "json", folder=stack.folder, timeout=3600)

    drills = json.loads(done.stdout)
    assert len({drill["alert"] for drill in drills}) == 29
    assert [f"{drill['drill']}: {drill['failure']}" for drill in drills if not drill["passed"]] == []
    for drill in drills:
        for alert in drill["alerts"]:
            assert alert["receiver"] == "drill"
