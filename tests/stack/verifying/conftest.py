"""A service with its catalogue, and what comes out when it is held against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stack.verifying.exposing import Exposing, catalogue
from tapewatch.verifying.platform import Verification, Where, verify

Verify = Callable[..., Verification]

NOWHERE = "http://127.0.0.1:1"
"""Where no Prometheus is."""


@pytest.fixture
def quoter() -> Iterator[Exposing]:
    with Exposing() as server:
        yield server


@pytest.fixture
def verified(quoter: Exposing, tmp_path: Path) -> Verify:
    """Holds `quoter` against its catalogue, in which further settings of it may stand."""

    def run(again: float = 0.0, **settings: Any) -> Verification:
        loaded = catalogue(tmp_path, {"quoter": {"address": quoter.address, **settings}})
        return verify(loaded, Where(NOWHERE), again=again)

    return run
