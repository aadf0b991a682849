"""A root file system is put together from real Debian packages, the same bytes each time."""

from __future__ import annotations

import importlib
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"

pytestmark = pytest.mark.needs("debian")


@pytest.fixture
def tar(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module("_image_tar")


@pytest.fixture
def package(tmp_path: Path, tar: Any) -> Any:
    """A package with a program, a link, a manual and a copyright note."""
    folder = tmp_path / "package"
    for path, text in {
        "DEBIAN/control": "Package: tool\nVersion: 2:1.4.2+ds-3\nArchitecture: all\nMaintainer: a\nDescription: b\n",
        "bin/tool": "#!/bin/sh\n",
        "usr/share/man/man1/tool.1": "how to\n",
        "usr/share/doc/tool/README": "read me\n",
        "usr/share/doc/tool/copyright": "free\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (folder / "bin/tool").chmod(0o755)
    (folder / "bin/tool-2").hardlink_to(folder / "bin/tool")
    (folder / "bin/a-link").symlink_to("tool")
    archive = tmp_path / "tool_1.4.2_all.deb"
    build = ["dpkg-deb", "--root-owner-group", "--build", str(folder), str(archive)]
    subprocess.run(build, check=True, capture_output=True)
    packages = importlib.import_module("_debian_packages")
    return packages.Package("tool", "1.4.2", "all", archive, "")


def entries(tar: Any, root: Any, target: Path) -> dict[str, tarfile.TarInfo]:
    root.write(target)
    with tarfile.open(target) as archive:
        return {member.name: member for member in archive}


def test_a_package_keeps_its_files_modes_owners_and_links(tar: Any, package: Any, tmp_path: Path) -> None:
    root = tar.RootFileSystem()
    root.add_package(package)
    found = entries(tar, root, tmp_path / "root.tar")
    tool, link, hard = found["usr/bin/tool"], found["usr/bin/a-link"], found["usr/bin/tool-2"]
    assert (tool.mode, tool.uid, tool.gid) == (0o755, 0, 0)
    assert (link.issym(), link.linkname) == (True, "tool")
    assert {tool.islnk(), hard.islnk()} == {True, False}
    assert max(tool, hard, key=tarfile.TarInfo.islnk).linkname in ("usr/bin/tool", "usr/bin/tool-2")


def test_folders_that_debian_merged_are_links(tar: Any, package: Any, tmp_path: Path) -> None:
    root = tar.RootFileSystem()
    root.add_package(package)
    folder = entries(tar, root, tmp_path / "root.tar")["bin"]
    assert (folder.issym(), folder.linkname) == (True, "usr/bin")


def test_manuals_are_left_out_and_the_licence_is_kept(tar: Any, package: Any) -> None:
    root = tar.RootFileSystem()
    root.add_package(package)
    assert [path for path in root.paths() if "man" in path or "README" in path] == []
    assert root.read("/usr/share/doc/tool/copyright") == b"free\n"


def test_the_same_content_gives_the_same_bytes_in_any_order(tar: Any, package: Any, tmp_path: Path) -> None:
    first, second = tar.RootFileSystem(), tar.RootFileSystem()
    first.add_package(package)
    first.add_text("/etc/passwd", "root\n")
    first.add_folder("/data", owner=10001, mode=0o750)
    second.add_folder("/data", owner=10001, mode=0o750)
    second.add_text("/etc/passwd", "root\n")
    package.archive.touch()
    second.add_package(package)
    first.write(tmp_path / "first.tar")
    second.write(tmp_path / "second.tar")
    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()


def test_what_is_added_later_stands_in_the_place_of_what_was_there(tar: Any, package: Any, tmp_path: Path) -> None:
    root = tar.RootFileSystem()
    root.add_package(package)
    program = tmp_path / "new"
    program.write_bytes(b"new")
    root.add_file("/bin/tool", program, 0o555)
    assert root.read("/usr/bin/tool") == b"new"
    assert entries(tar, root, tmp_path / "root.tar")["usr/bin/tool"].mode == 0o555


def test_an_archive_that_is_no_package_is_an_error_with_its_name(tar: Any, package: Any) -> None:
    package.archive.write_bytes(b"nothing")
    tools = importlib.import_module("_tools")
    with pytest.raises(tools.BuildError, match=r"tool_1\.4\.2_all\.deb"):
        tar.RootFileSystem().add_package(package)
