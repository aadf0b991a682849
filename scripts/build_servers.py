"""Makes the real server programs that tests and `tapewatch test` run, and puts them into the cache folder.

    python scripts/build_servers.py                        everything that the catalogue pins with a Go module
    python scripts/build_servers.py prometheus loki        only these components
    python scripts/build_servers.py --oldest               also what comes from Debian: the oldest supported versions,
                                                           the blackbox exporter and docker compose
    python scripts/build_servers.py --beyond               also what only tests run, of the suite beyond one machine

What is there already is left alone. A program appears in the cache folder in one step, when it is finished, so an
interrupted run leaves nothing behind that looks like a program. Exit code: 0 all there, 1 something could not be made,
2 the catalogue cannot be read or the command line is wrong.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from _catalogue_pins import Pin, PinError, read_pins
from _debian_programs import DEBIAN_BEYOND, DEBIAN_ONLY, OLDEST
from _go_programs import RECIPES
from _server_jobs import Job, compile_job, debian_job, make, only_one_run
from _test_programs import BEYOND
from _tools import BuildError
from tapewatch.servers import cache_folder


def main(arguments: list[str]) -> int:
    """Makes what the command line asks for; gives the exit code."""
    options = _parse(arguments)
    try:
        jobs = [compile_job(pin) for pin in _chosen(read_pins(options.catalogue), options.components)]
    except (PinError, BuildError) as error:
        print(f"servers: {error}", file=sys.stderr)
        return 2
    if options.oldest:
        jobs.append(debian_job("the oldest supported versions", OLDEST))
        jobs.append(debian_job("what only Debian has", DEBIAN_ONLY))
    if options.beyond:
        jobs.append(debian_job("what only tests run", DEBIAN_BEYOND))
        jobs += [compile_job(pin) for pin in BEYOND]
    with only_one_run(cache_folder()):
        results = [_do(job) for job in jobs]
    return 0 if all(results) else 1


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Makes the real server programs that the catalogue pins.")
    parser.add_argument("components", nargs="*", help="keys of stack.images; without any, all that have a module")
    parser.add_argument("--catalogue", type=Path, default=Path("catalogue.yaml"), help="default: %(default)s")
    parser.add_argument(
        "--oldest",
        action="store_true",
        help="also from Debian sid: the oldest supported versions, the blackbox exporter and docker compose",
    )
    parser.add_argument(
        "--beyond", action="store_true", help="also what only tests run, of the suite beyond one machine"
    )
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


def _do(job: Job) -> bool:
    """Makes the job's programs unless they are there; prints what happened, and tells whether they are there now."""
    if job.present():
        print(f"servers: {job.title}: there already", flush=True)
        return True
    print(f"servers: {job.title}: being made ...", flush=True)
    start = time.monotonic()
    try:
        make(job)
    except BuildError as error:
        print(f"servers: {job.title}: NOT made, after {time.monotonic() - start:.0f} s: {error}", file=sys.stderr)
        return False
    print(f"servers: {job.title}: made in {time.monotonic() - start:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
