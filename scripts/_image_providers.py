"""Decides how each image is provided: it is there, it is pulled, a stand-in is made, or it cannot be had."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from _catalogue_pins import PinnedImage
from _image_engine import Image, find_images, remove_image
from _image_project import PROJECT, PYTHON, build_project, make_python, project_inputs, python_inputs
from _image_recipes import WITHOUT_STAND_IN
from _image_registry import Registries
from _image_stand_ins import INPUTS, PROGRAM, VERSION, make_stand_in, recipe_for, stand_in_inputs
from _server_jobs import Say
from _tools import BuildError
from tapewatch.servers import cache_folder

__all__ = ["Provider", "Step", "UnavailableError", "images_folder"]


class UnavailableError(Exception):
    """Only a registry has this image, and none can be asked; the message says so."""


@dataclass(frozen=True, slots=True)
class Step:
    """One image to be provided.

    Parameters:
        title: what is printed for it.
        work: provides it, and gives what was done; raises `BuildError` or `UnavailableError`.
    """

    title: str
    work: Callable[[Say], str]


@dataclass(frozen=True, slots=True)
class StandIn:
    """What could take an image's place.

    Parameters:
        inputs: check sum of what it would be made from.
        make: makes it, and gives the program's true version.
    """

    inputs: str
    make: Callable[[Say], str]


def images_folder() -> Path:
    """The cache folder for images: beside that of the server programs, or inside `$TAPEWATCH_CACHE`."""
    servers = cache_folder()
    return servers / "images" if os.environ.get("TAPEWATCH_CACHE") else servers.with_name("images")


@dataclass(frozen=True, slots=True)
class Provider:
    """Provides images.

    Parameters:
        registries: pulls what can be pulled.
        folder: the cache folder for images.
        replace: whether a stand-in that is there is replaced by the real image, when it can be pulled.
        repository: the folder with the Dockerfile of the project's own image.
    """

    registries: Registries
    folder: Path
    replace: bool
    repository: Path

    def steps(self, images: list[PinnedImage]) -> list[Step]:
        """What is to be done for these images, in this order."""
        present = find_images([PYTHON, *(image.name for image in images)])
        steps = []
        for image in images:
            if image.image == PROJECT:
                python = StandIn(python_inputs(), lambda _say: make_python(self.folder))
                work = partial(self._provide, PYTHON, python, "", present.get(PYTHON))
                steps.append(Step(f"base of {image.component} ({PYTHON})", work))
                steps.append(Step(_title(image), partial(self._build, image.name, present.get(image.name))))
            else:
                steps.append(Step(_title(image), partial(self._provide_pinned, image, present.get(image.name))))
        return steps

    def _provide_pinned(self, image: PinnedImage, present: Image | None, say: Say) -> str:
        recipe = recipe_for(image)
        stand_in = None
        if recipe is not None:
            make = partial(make_stand_in, image, recipe, self.folder)
            stand_in = StandIn(stand_in_inputs(image, recipe), make)
        why_none = WITHOUT_STAND_IN.get(image.image, "there is no recipe for a stand-in")
        return self._provide(image.name, stand_in, why_none, present, say)

    def _provide(self, name: str, stand_in: StandIn | None, why_none: str, present: Image | None, say: Say) -> str:
        if present and not present.stands_in:
            return "there already"
        fresh = present is not None and stand_in is not None and present.labels.get(INPUTS) == stand_in.inputs
        if present and fresh and not self.replace:
            return f"there already, {_described(present)}"
        say("asking the registry")
        failure = self.registries.pull(name)
        if not failure:
            word = "pulled"
        elif present and fresh:
            return f"there already, {_described(present)}; {failure}"
        elif stand_in is not None:
            say("making a stand-in")
            stand_in.make(say)
            word = f"made, {_described(find_images([name])[name])}; {failure}"
        elif self.registries.answers(name):
            raise BuildError(failure)
        else:
            raise UnavailableError(f"{failure}; {why_none}, so there is no stand-in")
        if present:
            remove_image(present)
        return word

    def _build(self, name: str, present: Image | None, say: Say) -> str:
        if not (self.repository / "Dockerfile").exists():
            raise BuildError(f"there is no Dockerfile in {self.repository}")
        base = find_images([PYTHON]).get(PYTHON)
        if base is None:
            raise BuildError(f"its base {PYTHON} is not there")
        if present and present.labels.get(INPUTS) == project_inputs(self.repository, base):
            return "there already, built from what is in this folder"
        say("building from the Dockerfile")
        build_project(self.repository, name, base, self.folder)
        if present:
            remove_image(present)
        return f"built from the Dockerfile, on {'a stand-in for ' if base.stands_in else ''}{PYTHON}"


def _title(image: PinnedImage) -> str:
    return f"{image.component} ({image.name})"


def _described(image: Image) -> str:
    return f"a stand-in with {image.labels.get(PROGRAM)} {image.labels.get(VERSION)}"
