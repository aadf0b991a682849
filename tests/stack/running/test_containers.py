"""What the daemon says of a container, and what follows from it."""

from __future__ import annotations

import pytest

from tapewatch.running.containers import Container


@pytest.mark.parametrize(
    ("told", "code", "memory", "starved"),
    [
        pytest.param(True, 137, 1 << 24, True, id="the daemon saw it"),
        pytest.param(False, 137, 1 << 24, True, id="the daemon heard of the end first"),
        pytest.param(False, 137, 0, False, id="killed without a limit"),
        pytest.param(False, 1, 1 << 24, False, id="ended by itself"),
    ],
)
def test_a_container_that_used_too_much_memory_is_known(told: bool, code: int, memory: int, starved: bool) -> None:
    container = Container("1", "a", "b", "exited", exit_code=code, out_of_memory=told, memory=memory)

    assert container.is_starved is starved
