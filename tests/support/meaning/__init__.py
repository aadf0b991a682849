"""What a rendering of the stack means, whatever its files look like, and where two of them differ."""

from support.meaning._model import Fact, Meaning, differences
from support.meaning._reading import read_files, read_objects, read_operated

__all__ = ["Fact", "Meaning", "differences", "read_files", "read_objects", "read_operated"]
