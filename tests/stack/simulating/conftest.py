"""The sample, simulated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.servers import Server
from support.simulated import Sample
from support.together import Together


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return Sample(tmp_path)


@pytest.fixture
def simulate(sample: Sample) -> Iterator[Callable[..., Server]]:
    """Starts the command with further arguments; it is stopped after the test."""
    with ExitStack() as stack:
        yield lambda *arguments, **more: stack.enter_context(sample.server(*arguments, **more).start())


@pytest.fixture
def together() -> Iterator[Callable[..., Together]]:
    """Makes a platform in one thread; its buses are closed after the test."""
    made: list[Together] = []

    def make(**settings: Any) -> Together:
        made.append(Together(**settings))
        return made[-1]

    yield make
    for each in made:
        each.close()
