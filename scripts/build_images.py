"""Provides every image that the catalogue pins, also on a machine that reaches no registry.

    python scripts/build_images.py                     every image of stack.images, and docker compose
    python scripts/build_images.py prometheus loki     only these components
    python scripts/build_images.py --pull              put real images in the place of stand-ins, where they can be had
    python scripts/build_images.py --no-pull           ask no registry at all

An image that is there is left alone. One that is missing is pulled; where the registry does not answer, which is found
out once, a stand-in with the very same program is made: from the cache folder of `make servers`, and from Debian
packages. A stand-in carries labels that say so, with the program's true version. The project's own image is built from
the Dockerfile. Exit code: 0 everything is there that can be had, 1 something could not be made, 2 cannot run.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from _catalogue_pins import PinError, PinnedImage, read_images
from _image_compose import provide_compose
from _image_engine import EngineError, check_engine
from _image_providers import Provider, Step, UnavailableError, images_folder
from _image_registry import Registries
from _server_jobs import only_one_run
from _tools import BuildError


def main(arguments: list[str]) -> int:
    """Provides what the command line asks for; gives the exit code."""
    options = _parse(arguments)
    try:
        chosen = _chosen(read_images(options.catalogue), options.components)
        check_engine()
    except (PinError, EngineError) as error:
        print(f"images: {error}", file=sys.stderr)
        return 2
    folder = images_folder()
    registries = Registries(allowed=options.pull is not False)
    provider = Provider(registries, folder, options.pull is True, options.catalogue.absolute().parent)
    with only_one_run(folder):
        steps = provider.steps(chosen)
        if not options.components:
            steps.insert(0, Step("docker compose", provide_compose))
        return 0 if _do_all(steps) else 1


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Provides every image that the catalogue pins.")
    parser.add_argument("components", nargs="*", help="keys of stack.images; without any, all of them")
    parser.add_argument("--catalogue", type=Path, default=Path("catalogue.yaml"), help="default: %(default)s")
    parser.add_argument(
        "--pull",
        action=argparse.BooleanOptionalAction,
        help="pull real images also where a stand-in is there already; --no-pull: ask no registry at all",
    )
    return parser.parse_args(arguments)


def _chosen(images: list[PinnedImage], components: list[str]) -> list[PinnedImage]:
    known = {image.component: image for image in images}
    for component in components:
        if component not in known:
            raise PinError(f"{component} is no component of stack.images; these are: {', '.join(known)}")
    return [known[component] for component in components] or images


def _do_all(steps: list[Step]) -> bool:
    """Does every step, under a progress bar when somebody looks on; tells whether all went well."""
    console = Console(highlight=False, soft_wrap=True)
    columns = (
        TextColumn("images"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(steps))
        results = []
        for step in steps:
            results.append(_do(step, progress, task))
            progress.advance(task)
    return all(results)


def _do(step: Step, progress: Progress, task: TaskID) -> bool:
    """Does one step and prints what came of it."""
    start = time.monotonic()

    def say(doing: str, *, minutes: bool = False) -> None:
        progress.update(task, description=f"{step.title}: {doing}")
        if progress.disable and minutes:
            print(f"images: {step.title}: {doing} ...", flush=True)

    progress.update(task, description=step.title)
    try:
        word, fine = step.work(say), True
    except UnavailableError as reason:
        word, fine = f"NOT there: {reason}", True
    except BuildError as reason:
        word, fine = f"NOT made: {reason}", False
    took = time.monotonic() - start
    took_word = f" ({took:.0f} s)" if took >= 1 else ""
    progress.console.print(f"images: {step.title}: {word}{took_word}", markup=False)
    return fine


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("images: interrupted; what is half made has no name and is cleared away by the next run")
