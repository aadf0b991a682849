"""Reads which images the catalogue pins, and from which Go module each server can be compiled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

__all__ = ["Pin", "PinError", "PinnedImage", "read_images", "read_pins"]


class PinError(Exception):
    """The catalogue cannot be read, or its `stack.images` is not what the build needs."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One component with a Go module.

    Parameters:
        component: its key under `stack.images`, such as `prometheus`.
        module: module path, such as `github.com/prometheus/prometheus`.
        module_version: version at the module proxy, such as `v0.313.5`.
    """

    component: str
    module: str
    module_version: str


@dataclass(frozen=True, slots=True)
class PinnedImage:
    """One component with its image.

    Parameters:
        component: its key under `stack.images`, such as `prometheus`.
        image: name without the tag, such as `prom/prometheus`.
        tag: such as `v3.13.5`.
        pin: the Go module of the same program; None when the catalogue names none.
    """

    component: str
    image: str
    tag: str
    pin: Pin | None

    @property
    def name(self) -> str:
        """What docker calls it, such as `prom/prometheus:v3.13.5`."""
        return f"{self.image}:{self.tag}"


def read_images(catalogue: Path) -> list[PinnedImage]:
    """Every component of `stack.images`, in the catalogue's order.

    Parameters:
        catalogue: path of the catalogue.

    Raises:
        PinError: the file is missing or no YAML, has no `stack.images`, or an entry lacks its image or version.
    """
    return [_image(str(component), image, catalogue) for component, image in _images(catalogue).items()]


def read_pins(catalogue: Path) -> list[Pin]:
    """The components of `stack.images` that carry a `module`, in the catalogue's order.

    Parameters:
        catalogue: path of the catalogue.

    Raises:
        PinError: the file is missing or no YAML, has no `stack.images`, or a `module` is not `path@version`.
    """
    images = _images(catalogue)
    return [
        _pin(str(component), image["module"], catalogue)
        for component, image in images.items()
        if isinstance(image, dict) and image.get("module")
    ]


def _images(catalogue: Path) -> dict[object, object]:
    try:
        document = yaml.safe_load(catalogue.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PinError(f"cannot read the pinned versions from {catalogue}: {error}") from error
    stack = document.get("stack") if isinstance(document, dict) else None
    images = stack.get("images") if isinstance(stack, dict) else None
    if not isinstance(images, dict):
        raise PinError(f"{catalogue} has no mapping `stack.images`, which pins the servers' versions")
    return images


def _image(component: str, image: object, catalogue: Path) -> PinnedImage:
    if not (isinstance(image, dict) and image.get("image") and image.get("version")):
        raise PinError(f"{catalogue}: stack.images.{component} is {image!r}; it must have an image and a version")
    pin = _pin(component, image["module"], catalogue) if image.get("module") else None
    return PinnedImage(component, str(image["image"]), str(image["version"]), pin)


def _pin(component: str, module: object, catalogue: Path) -> Pin:
    path, at, version = str(module).partition("@")
    if not (path and at and version.startswith("v")):
        raise PinError(f"{catalogue}: stack.images.{component}.module is {module!r}; it must be path@version")
    return Pin(component, path, version)
