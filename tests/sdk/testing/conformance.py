"""Runs a suite as pytest would, in this process: what becomes of each of its tests."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tapewatch_sdk.plugins import API_VERSION
from tapewatch_sdk.testing import Suite

__all__ = ["failed", "install", "made", "names_of_tests", "outcomes"]


def names_of_tests(suite: type[Suite]) -> set[str]:
    """The names of a suite's tests."""
    return {name for name in dir(suite) if name.startswith("test_")}


def outcomes(suite: type[Suite], plugin: Any, *chosen: str, **more: Any) -> Mapping[str, str]:
    """`passed`, or the text of the skip or the failure, for each test of a suite.

    Parameters:
        suite: the suite.
        plugin: the plugin that it is run for.
        chosen: the tests that are run; all unless given.
        more: further attributes of the test class.
    """
    made = type("TestIt", (suite,), {"plugin": plugin, "installed": False, **more})
    # Some of these plugins write files where they run, which must not be this checkout.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return {name: _outcome(getattr(made(), name)) for name in sorted(chosen or names_of_tests(suite))}


def failed(found: Mapping[str, str]) -> Mapping[str, str]:
    """The tests that failed, with what they said."""
    return {name: text for name, text in found.items() if text.startswith("failed: ")}


def _outcome(test: Callable[[], object]) -> str:
    try:
        test()
    except pytest.skip.Exception as skipped:
        return f"skipped: {skipped.msg}"
    except AssertionError as error:
        return f"failed: {error}"
    return "passed"


def made(**attributes: Any) -> type[Any]:
    """The class of a plugin with these attributes besides those that every plugin has; it lacks those that are None."""
    whole = {"name": "acme", "api_version": API_VERSION, "__doc__": "Adds something.", **attributes}
    return type("Acme", (), {name: value for name, value in whole.items() if value is not None})


def install(site: Path, points: Mapping[str, Mapping[str, str]], name: str = "acme") -> Path:
    """Write the metadata of a package in a folder of Python's path: by group, the name and the object of each entry."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [
        line for group, each in points.items() for line in (f"[{group}]", *(f"{k} = {v}" for k, v in each.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return site
