"""The wheel holds what the package needs at run time, and the lock is what pyproject.toml asks for."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("sdk/tapewatch_sdk", "stack/tapewatch", "alerts/tapewatch_alerts", "dashboards/tapewatch_dashboards")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def canonical(requirement: str) -> str:
    """The name in a requirement, as package indexes compare names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]).lower()


def locked() -> dict[str, str]:
    """Name and the whole entry, hashes included, of each locked requirement."""
    return {canonical(entry): entry for entry in re.split(r"\n(?=\S)", LOCK) if not entry.startswith("#")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_every_file_of_the_four_packages(wheel: zipfile.ZipFile) -> None:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *ROOMS],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    expected = {path.split("/", 1)[1] for path in listing.stdout.splitlines() if (ROOT / path).exists()}
    assert expected <= set(wheel.namelist())


def test_each_package_is_typed(wheel: zipfile.ZipFile) -> None:
    assert {f"{room.split('/')[1]}/py.typed" for room in ROOMS} <= set(wheel.namelist())


def test_the_base_that_a_service_installs_is_light() -> None:
    assert [canonical(requirement) for requirement in PROJECT["dependencies"]] == ["prometheus-client"]


def test_the_lock_holds_everything_that_pyproject_asks_for() -> None:
    asked = list(PROJECT["dependencies"])
    for extra in PROJECT["optional-dependencies"].values():
        asked += extra
    assert {canonical(requirement) for requirement in asked} <= set(locked())


def test_every_locked_requirement_has_one_version_and_its_hashes() -> None:
    unpinned = [name for name, entry in locked().items() if not re.match(r"\S+==\S+", entry)]
    unhashed = [name for name, entry in locked().items() if "--hash=sha256:" not in entry]
    assert (unpinned, unhashed) == ([], [])


def test_the_lock_names_no_index_so_that_pips_own_setting_decides() -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", LOCK)
