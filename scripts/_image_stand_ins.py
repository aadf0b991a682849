"""Makes a stand-in: a base, the real program and the real image's settings, under the name that the catalogue pins."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from _catalogue_pins import Pin, PinnedImage
from _debian_programs import DEBIAN_ONLY
from _go_programs import RECIPES as GO_RECIPES
from _image_bases import base_key, base_tar
from _image_engine import STAND_IN, import_image
from _image_recipes import RECIPES, ImageRecipe
from _image_tar import RootFileSystem
from _server_jobs import WORKSHOP_PREFIX, Job, Say, compile_job, debian_job, make, only_one_run
from _tools import BuildError
from tapewatch.servers import cache_folder, cached, folder_for, program_at

__all__ = ["INPUTS", "PROGRAM", "VERSION", "import_root", "make_stand_in", "recipe_for", "stand_in_inputs"]

PROGRAM = "io.tapewatch.program"
"""The label with the name of the program inside."""

VERSION = "io.tapewatch.version"
"""The label with the version that this program itself prints, whatever the image's tag says."""

INPUTS = "io.tapewatch.inputs"
"""The label with a check sum over what the image was made from."""


def recipe_for(pinned: PinnedImage) -> ImageRecipe | None:
    """The recipe for an image, also when a mirror's name stands before its own; None when there is none."""
    return RECIPES.get("/".join(pinned.image.split("/")[-2:]))


def stand_in_inputs(pinned: PinnedImage, recipe: ImageRecipe) -> str:
    """The check sum of what the stand-in for an image is made from."""
    words = (repr(recipe), repr(pinned.pin), base_key(recipe.base))
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def make_stand_in(pinned: PinnedImage, recipe: ImageRecipe, folder: Path, say: Say) -> str:
    """Makes the stand-in for one image, and its programs when they are not in the cache folder; gives its true version.

    Parameters:
        pinned: what the catalogue says of it.
        recipe: how it is put together.
        folder: the cache folder for images.
        say: told what is going on, when it takes long.

    Raises:
        BuildError: a program, the base or the image could not be made.
    """
    programs = {name: _program(name, pinned.pin, say) for name in recipe.programs}
    main = next(iter(programs))
    version = program_at(main, programs[main]).version
    root = RootFileSystem()
    root.add_tar(base_tar(recipe.base, folder))
    for path, kept in recipe.folders.items():
        root.add_folder(path, kept.owner, kept.mode)
    for path, text in recipe.texts.items():
        root.add_text(path, text)
    for path, name in recipe.data.items():
        root.add_file(path, programs[main].parent / "data" / name)
    for name, path in recipe.programs.items():
        root.add_file(path, programs[name], 0o755)
    inputs = stand_in_inputs(pinned, recipe)
    labels = {STAND_IN: "true", PROGRAM: main, VERSION: version, INPUTS: inputs}
    import_root(root, pinned.name, [*recipe.changes, *(f"LABEL {key}={text}" for key, text in labels.items())], folder)
    return version


def import_root(root: RootFileSystem, name: str, changes: list[str], folder: Path) -> None:
    """Makes an image of a root file system; the tar file between is written whole first, in the cache folder.

    Raises:
        BuildError: the engine refuses it.
    """
    with tempfile.TemporaryDirectory(prefix=WORKSHOP_PREFIX, dir=folder) as workshop:
        tar = Path(workshop) / "root.tar"
        root.write(tar)
        import_image(tar, name, changes)


def _program(name: str, pin: Pin | None, say: Say) -> Path:
    """The program in the cache folder, at the pinned version; it is made when it is not there."""
    job, version = _job(name, pin)
    if not job.present():
        with only_one_run(cache_folder()):
            if not job.present():
                say(f"making {job.title} first, once for all", minutes=True)
                make(job)
    return cached(name)[0] if version is None else folder_for(name, version) / name


def _job(name: str, pin: Pin | None) -> tuple[Job, str | None]:
    """What makes the program, and its version; None for whatever Debian has."""
    if name in DEBIAN_ONLY:
        return debian_job("from Debian:", {name: DEBIAN_ONLY[name]}), None
    if pin is None or pin.module not in GO_RECIPES:
        raise BuildError(f"{name} is compiled, and the catalogue names no Go module for it that we have a recipe for")
    return compile_job(pin), GO_RECIPES[pin.module].version(pin.module_version)
