"""Makes the real server programs that tests and `tapewatch test` run, and puts them into the cache folder.

    python scripts/build_servers.py                        everything that the catalogue pins with a Go module
    python scripts/build_servers.py prometheus loki        only these components
    python scripts/build_servers.py --oldest               also the oldest supported versions, from Debian

What is there already is left alone. A program appears in the cache folder in one step, when it is finished, so an
interrupted run leaves nothing behind that looks like a program. Exit code: 0 all there, 1 something could not be made,
2 the catalogue cannot be read or the command line is wrong.
"""

from __future__ import annotations

import argparse
import fcntl
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from _catalogue_pins import Pin, PinError, read_pins
from _debian_programs import OLDEST, unpack_programs
from _go_programs import RECIPES, compile_programs
from _tools import BuildError, Made
from tapewatch.servers import cache_folder, cached, folder_for

WORKSHOP_PREFIX = ".workshop-"


@dataclass(frozen=True, slots=True)
class Job:
    """Programs that are made together.

    Parameters:
        title: what is printed for it.
        present: tells whether every program is in the cache folder.
        make: makes them, given an empty folder to work in.
    """

    title: str
    present: Callable[[], bool]
    make: Callable[[Path], list[Made]]


def main(arguments: list[str]) -> int:
    """Makes what the command line asks for; gives the exit code."""
    options = _parse(arguments)
    try:
        jobs = [_compile_job(pin) for pin in _chosen(read_pins(options.catalogue), options.components)]
    except (PinError, BuildError) as error:
        print(f"servers: {error}", file=sys.stderr)
        return 2
    if options.oldest:
        jobs.append(_oldest_job())
    with _only_one_run():
        results = [_do(job) for job in jobs]
    return 0 if all(results) else 1


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Makes the real server programs that the catalogue pins.")
    parser.add_argument("components", nargs="*", help="keys of stack.images; without any, all that have a module")
    parser.add_argument("--catalogue", type=Path, default=Path("catalogue.yaml"), help="default: %(default)s")
    parser.add_argument("--oldest", action="store_true", help="also the oldest supported versions, from Debian sid")
    return parser.parse_args(arguments)


def _chosen(pins: list[Pin], components: list[str]) -> list[Pin]:
    known = {pin.component: pin for pin in pins}
    for component in components:
        if component not in known:
            raise PinError(f"{component} is not pinned with a Go module; these are: {', '.join(known)}")
    chosen = [known[component] for component in components] or pins
    for pin in chosen:
        if pin.module not in RECIPES:
            raise PinError(f"no recipe to compile {pin.module} ({pin.component}); there are: {', '.join(RECIPES)}")
    return chosen


def _compile_job(pin: Pin) -> Job:
    recipe = RECIPES[pin.module]
    version = recipe.version(pin.module_version)
    return Job(
        title=f"{' and '.join(recipe.packages)} {version}",
        present=lambda: all((folder_for(name, version) / name).exists() for name in recipe.packages),
        make=partial(compile_programs, pin, recipe),
    )


def _oldest_job() -> Job:
    return Job(
        title=f"the oldest supported versions ({', '.join(f'{name} {old.version}' for name, old in OLDEST.items())})",
        present=lambda: all(cached(name, old.version) for name, old in OLDEST.items()),
        make=partial(unpack_programs, list(OLDEST)),
    )


def _do(job: Job) -> bool:
    """Makes the job's programs unless they are there; prints what happened, and tells whether they are there now."""
    if job.present():
        print(f"servers: {job.title}: there already", flush=True)
        return True
    print(f"servers: {job.title}: being made ...", flush=True)
    start = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix=WORKSHOP_PREFIX, dir=cache_folder()) as workshop:
            for made in job.make(Path(workshop)):
                _deliver(made)
    except BuildError as error:
        print(f"servers: {job.title}: NOT made, after {time.monotonic() - start:.0f} s: {error}", file=sys.stderr)
        return False
    print(f"servers: {job.title}: made in {time.monotonic() - start:.0f} s", flush=True)
    return True


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


@contextmanager
def _only_one_run() -> Iterator[None]:
    """Holds the cache folder for this run, and clears away what an interrupted one left."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in cache_folder().glob(f"{WORKSHOP_PREFIX}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
