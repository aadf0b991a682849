"""What the tests of the running stack share."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stack.running.small_stack import FILES, Running, Stack, image


@contextmanager
def written(folder: Path) -> Iterator[Stack]:
    """A stack that is written, and not started; it is removed at the end, whatever was done with it."""
    made = Stack(folder)
    for path, text in FILES.items():
        made.write(path, text)
    made.write_services()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack of the test's own."""
    with written(tmp_path / "demo") as made:
        yield made


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A stack that was started, for all tests of a file that leave it as it was."""
    with written(tmp_path_factory.mktemp("running") / "demo") as made:
        yield Running(made, made.run("up"))


@pytest.fixture
def make_image() -> Iterator[Callable[[str], str]]:
    """Gives an image of this machine one more name, which goes again at the end."""
    made: list[str] = []

    def tag(name: str) -> str:
        subprocess.run(["docker", "tag", image("prometheus"), name], check=True)
        made.append(name)
        return name

    yield tag
    for name in made:
        subprocess.run(["docker", "image", "rm", "--no-prune", name], capture_output=True, check=False)
