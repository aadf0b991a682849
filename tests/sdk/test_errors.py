"""The exceptions of the SDK: the tree that its module draws is the one that the code has."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

import tapewatch_sdk
from tapewatch_sdk import errors
from tapewatch_sdk.errors import ProblemsError, TapewatchError
from tapewatch_sdk.problems import Problem

_LINE = re.compile(r"^(?P<indent>[ │├└─]*)(?P<name>\w+Error)\b", re.MULTILINE)


def drawn() -> dict[str, str]:
    """Each exception of the tree in the docstring, with the one above it; the root has none."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in _LINE.finditer((errors.__doc__ or "").split("\n\n")[1]):
        depth, name = len(line["indent"]), line["name"]
        above = [each for each in above if each[0] < depth]
        found[name] = above[-1][1] if above else ""
        above.append((depth, name))
    return found


def below(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    for each in kind.__subclasses__():
        yield from (each, *below(each))


def test_the_tree_holds_every_exception_of_the_sdk_and_no_other() -> None:
    for module in walk_packages(tapewatch_sdk.__path__, "tapewatch_sdk."):
        import_module(module.name)
    kinds = [each for each in below(TapewatchError) if each.__module__.startswith("tapewatch_sdk.")]

    assert drawn() == {"TapewatchError": "", **{each.__name__: each.__bases__[0].__name__ for each in kinds}}


def test_an_error_that_nobody_catches_tells_how_to_mend_each_problem() -> None:
    error = ProblemsError(
        [
            Problem("a/one", "one is wrong", fix="mend it"),
            Problem("a/two", "two is"),
            Problem("a/three", "so", fix="it"),
        ]
    )

    assert traceback.format_exception_only(error) == [
        "tapewatch_sdk.errors.ProblemsError: one is wrong; two is; so\n",
        "a/one: mend it\n",
        "a/three: it\n",
    ]
