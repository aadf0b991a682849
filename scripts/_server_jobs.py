"""The jobs that make server programs: which programs belong together, whether they are there, and how they are made."""

from __future__ import annotations

import fcntl
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from _catalogue_pins import Pin
from _debian_programs import DebianProgram, unpack_programs
from _go_programs import RECIPES, compile_programs
from _tools import Made
from tapewatch.servers import cache_folder, cached, folder_for

__all__ = ["WORKSHOP_PREFIX", "Job", "Say", "compile_job", "debian_job", "make", "only_one_run"]

WORKSHOP_PREFIX = ".workshop-"
"""Begins the name of every folder in which something is being made, and which an interrupted run may leave behind."""


class Say(Protocol):
    """Is told what is going on."""

    def __call__(self, doing: str, *, minutes: bool = False) -> None:
        """Shows what is going on.

        Parameters:
            doing: such as `making a stand-in`.
            minutes: whether it may take minutes, so that a log without a progress bar shall tell of it too.
        """


@dataclass(frozen=True, slots=True)
class Job:
    """Programs that are made together.

    Parameters:
        title: what is printed for it.
        present: tells whether every program is in the cache folder.
        work: makes them, given an empty folder to work in.
    """

    title: str
    present: Callable[[], bool]
    work: Callable[[Path], list[Made]]


def compile_job(pin: Pin) -> Job:
    """Compiles the programs of a pinned Go module, for which there is a recipe.

    Raises:
        BuildError: the pinned version is none of that module.
    """
    recipe = RECIPES[pin.module]
    version = recipe.version(pin.module_version)
    return Job(
        title=f"{' and '.join(recipe.packages)} {version}",
        present=lambda: all((folder_for(name, version) / name).exists() for name in recipe.packages),
        work=partial(compile_programs, pin, recipe),
    )


def debian_job(title: str, programs: Mapping[str, DebianProgram]) -> Job:
    """Takes programs from Debian sid; `title` is printed with their names."""
    names = ", ".join(f"{name} {program.version}".rstrip() for name, program in programs.items())
    return Job(
        title=f"{title} ({names})",
        present=lambda: all(cached(name, program.version or None) for name, program in programs.items()),
        work=partial(unpack_programs, programs),
    )


def make(job: Job) -> None:
    """Makes the job's programs and puts them into the cache folder.

    Raises:
        BuildError: they could not be made.
    """
    with tempfile.TemporaryDirectory(prefix=WORKSHOP_PREFIX, dir=cache_folder()) as workshop:
        for made in job.work(Path(workshop)):
            _deliver(made)


@contextmanager
def only_one_run(folder: Path) -> Iterator[None]:
    """Holds a cache folder, and clears away what an interrupted run left there; waits while another run holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another run that fills {folder} ...", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in folder.glob(f"{WORKSHOP_PREFIX}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


def _deliver(made: Made) -> None:
    """Moves a finished program to its place; the folder appears at once with everything in it."""
    folder = folder_for(made.name, made.version)
    if folder.exists():
        return
    with tempfile.TemporaryDirectory(prefix=WORKSHOP_PREFIX, dir=cache_folder()) as finished:
        ready = Path(finished) / folder.name
        ready.mkdir()
        shutil.move(made.path, ready / made.name)
        if made.data is not None:
            shutil.copytree(made.data, ready / "data")
        ready.rename(folder)
