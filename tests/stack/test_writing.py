"""Generated files on disk: compared, protected, written as one."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tapewatch.writing import MANIFEST, Changes, apply, compare, recover
from tapewatch.writing import _lock as lock
from tapewatch.writing._paths import Root
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Problem

OLD = {"provisioning/a.yml": "a: 1\n", "provisioning/old/b.yml": "b: 1\n", "docker-compose.yml": "c: 1\n"}
NEW = {"provisioning/a.yml": "a: 2\n", "provisioning/new/deep/d.yml": "d: ü\n", "docker-compose.yml": "c: 1\n"}


def on_disk(root: Path) -> dict[str, str]:
    """Every file below the root by its path, the manifest and the state folder left out."""
    files = (file for file in root.rglob("*") if file.is_file() and ".tapewatch" not in file.parts)
    return {name: f.read_bytes().decode() for f in files if (name := f.relative_to(root).as_posix()) != MANIFEST}


def folders(root: Path) -> set[str]:
    return {f.relative_to(root).as_posix() for f in root.rglob("*") if f.is_dir() and ".tapewatch" not in f.parts}


def stamps(root: Path) -> dict[str, tuple[int, int]]:
    return {str(f): (f.stat().st_mtime_ns, f.stat().st_ino) for f in [root, *root.rglob("*")]}


def problems_of(call: Any, *args: Any, **named: Any) -> list[Problem]:
    with pytest.raises(ProblemsError) as caught:
        call(*args, **named)
    return list(caught.value.problems)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in which the old set was generated."""
    project = tmp_path / "project"
    project.mkdir()
    apply(project, OLD)
    return project


# --- the plain way


def test_a_first_set_is_written_whole(tmp_path: Path) -> None:
    changes = apply(tmp_path, OLD)
    assert changes == Changes(created=tuple(sorted([*OLD, MANIFEST])))
    assert on_disk(tmp_path) == OLD
    assert not list((tmp_path / ".tapewatch").glob("[sj]*"))  # neither staged files nor a journal


def test_a_new_set_replaces_the_old_one_and_empty_folders_go(root: Path) -> None:
    expected = Changes(
        created=("provisioning/new/deep/d.yml",),
        updated=("provisioning/a.yml", MANIFEST),
        removed=("provisioning/old/b.yml",),
        unchanged=("docker-compose.yml",),
    )
    assert compare(root, NEW) == expected
    assert on_disk(root) == OLD  # comparing touches nothing
    assert apply(root, NEW) == expected
    assert on_disk(root) == NEW
    assert folders(root) == {"provisioning", "provisioning/new", "provisioning/new/deep"}
    assert not compare(root, NEW)


def test_nothing_is_touched_when_nothing_changed(root: Path) -> None:
    before = stamps(root)
    time.sleep(0.02)
    changes = apply(root, OLD)
    assert not changes
    assert len(changes.unchanged) == 4
    assert stamps(root) == before


def test_only_changed_files_are_touched_and_folders_keep_their_identity(root: Path) -> None:
    before = stamps(root)
    apply(root, {**OLD, "provisioning/a.yml": "a: 3\n"})
    after = stamps(root)
    for name in ("docker-compose.yml", "provisioning/old/b.yml"):
        assert after[str(root / name)] == before[str(root / name)]
    assert (
        after[str(root / "provisioning")][1] == before[str(root / "provisioning")][1]
    )  # as a container has it mounted


def test_the_manifest_lists_digests_by_path_and_says_who_made_it(root: Path) -> None:
    content = json.loads((root / MANIFEST).read_text())
    assert "tapewatch generate" in content["generated_by"]
    assert content["files"] == {path: hashlib.sha256(OLD[path].encode()).hexdigest() for path in sorted(OLD)}
    assert list(content["files"]) == sorted(OLD)


def test_modes_are_readable_for_every_container_whatever_the_umask(tmp_path: Path) -> None:
    previous = os.umask(0o077)
    try:
        apply(tmp_path, OLD)
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "provisioning/old/b.yml").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "provisioning/old").stat().st_mode) == 0o755


def test_a_file_may_become_a_folder_and_a_folder_a_file(tmp_path: Path) -> None:
    as_file, as_folder = {"x/a": "1"}, {"x/a/b/c": "1", "x/a/d": "2"}
    for files in (as_file, as_folder, as_file, as_folder):
        apply(tmp_path, files)
        assert on_disk(tmp_path) == files


def test_an_incomplete_set_keeps_what_was_generated_earlier_and_still_knows_it(root: Path) -> None:
    changes = apply(root, NEW, keep=True)
    assert changes.removed == ()
    assert on_disk(root) == {**OLD, **NEW}
    assert not compare(root, NEW, keep=True)
    (root / "provisioning/old/b.yml").write_text("mine\n")
    assert compare(root, NEW).edited_by_hand == ("provisioning/old/b.yml",)
    (root / "provisioning/old/b.yml").write_text(OLD["provisioning/old/b.yml"])
    assert apply(root, NEW).removed == ("provisioning/old/b.yml",)
    assert on_disk(root) == NEW


# --- what a person did


def test_an_edit_by_hand_is_refused_by_name_and_nothing_is_written(root: Path) -> None:
    (root / "provisioning/a.yml").write_text("a: mine\n")
    (root / "provisioning/old/b.yml").write_text("b: mine\n")
    before = on_disk(root)
    problems = problems_of(apply, root, NEW)
    assert [(p.code, p.where.file) for p in problems] == [
        ("writing/edited-by-hand", "provisioning/a.yml"),
        ("writing/edited-by-hand", "provisioning/old/b.yml"),
    ]
    assert "removed" in problems[1].summary
    assert all("catalogue" in p.fix and "--force" in p.fix for p in problems)
    assert on_disk(root) == before


def test_a_foreign_file_is_refused_by_name(root: Path) -> None:
    (root / "provisioning/new/deep").mkdir(parents=True)
    (root / "provisioning/new/deep/d.yml").write_text("theirs\n")
    (problem,) = problems_of(apply, root, NEW)
    assert (problem.code, problem.where.file) == ("writing/foreign-file", "provisioning/new/deep/d.yml")
    assert compare(root, NEW).foreign == ("provisioning/new/deep/d.yml",)


def test_force_overwrites_and_removes_them_and_says_so(root: Path) -> None:
    for name in ("provisioning/a.yml", "provisioning/old/b.yml"):
        (root / name).write_text("mine\n")
    (root / "provisioning/new/deep").mkdir(parents=True)
    (root / "provisioning/new/deep/d.yml").write_text("theirs\n")
    changes = apply(root, NEW, force=True)
    assert changes.edited_by_hand == ("provisioning/a.yml", "provisioning/old/b.yml")
    assert changes.foreign == ("provisioning/new/deep/d.yml",)
    assert on_disk(root) == NEW


def test_other_files_beside_the_generated_ones_stay(root: Path) -> None:
    (root / "provisioning/old/notes.txt").write_text("mine\n")
    apply(root, NEW)
    assert on_disk(root) == {**NEW, "provisioning/old/notes.txt": "mine\n"}


def test_an_edit_that_equals_the_new_content_is_fine(root: Path) -> None:
    (root / "provisioning/a.yml").write_text("a: 2\n")
    (root / "provisioning/new/deep").mkdir(parents=True)
    (root / "provisioning/new/deep/d.yml").write_text("d: ü\n")
    (root / "provisioning/old/b.yml").unlink()
    assert apply(root, NEW) == Changes(
        updated=(MANIFEST,),
        unchanged=("docker-compose.yml", "provisioning/a.yml", "provisioning/new/deep/d.yml"),
    )


def test_a_file_that_was_deleted_by_hand_comes_back(root: Path) -> None:
    (root / "provisioning/a.yml").unlink()
    assert apply(root, OLD).created == ("provisioning/a.yml",)


@pytest.mark.parametrize(
    "damage",
    [
        None,
        b"",
        b"{",
        b"[]",
        b'{"files": 1}',
        b'{"files": {"docker-compose.yml": 5}}',
        b"<<<<<<< HEAD\n",
        b"\xff",
        b"[" * 99999,
    ],
)
def test_a_missing_or_damaged_manifest_is_made_anew_when_the_files_are_right(root: Path, damage: bytes | None) -> None:
    manifest = root / MANIFEST
    right = manifest.read_bytes()
    manifest.unlink()
    if damage is not None:
        manifest.write_bytes(damage)
    apply(root, OLD)
    assert manifest.read_bytes() == right


def test_without_a_manifest_a_file_that_differs_is_foreign(root: Path) -> None:
    (root / MANIFEST).unlink()
    assert compare(root, NEW).foreign == ("provisioning/a.yml",)


def test_a_manifest_that_names_files_outside_removes_none_of_them(root: Path) -> None:
    victim = root.parent / "victim"
    victim.write_text("mine")
    digest = hashlib.sha256(b"mine").hexdigest()
    (root / MANIFEST).write_text(
        json.dumps({"files": {"../victim": digest, str(victim): digest, ".git/config": digest}})
    )
    apply(root, OLD)
    assert victim.read_text() == "mine"


def test_a_checkout_with_windows_line_ends_is_neither_a_change_nor_an_edit(root: Path) -> None:
    for file in root.rglob("*"):
        if file.is_file() and ".tapewatch" not in file.parts:
            file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    before = stamps(root)
    assert not apply(root, OLD)
    assert stamps(root) == before
    changes = apply(root, NEW)
    assert changes.edited_by_hand == ()
    assert (root / "provisioning/a.yml").read_bytes() == b"a: 2\n"
    assert not (root / "provisioning/old").exists()


# --- paths and links


@pytest.mark.parametrize(
    "path",
    [
        "/etc/x",
        "../x",
        "a/../../x",
        "a/./b",
        "a//b",
        "",
        "a/",
        "a\\b",
        "a\0b",
        "a\nb",
        ".tapewatch/x",
        ".git/hooks/x",
    ],
)
def test_a_malformed_path_is_refused(root: Path, path: str) -> None:
    (problem,) = problems_of(apply, root, {**NEW, path: "x"})
    assert problem.code == "writing/bad-path"
    assert on_disk(root) == OLD


def test_a_path_that_is_both_file_and_folder_is_refused(root: Path) -> None:
    (problem,) = problems_of(compare, root, {"a": "1", "a/b": "2"})
    assert "both as a file and as the folder" in problem.summary


def test_all_bad_paths_are_named_at_once(root: Path) -> None:
    assert len(problems_of(compare, root, {"../a": "", "/b": "", "c": ""})) == 2
    assert problems_of(compare, root, {".": ""})[0].code == "writing/bad-path"


def test_a_linked_folder_that_leads_outside_is_refused(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "provisioning/new").symlink_to(outside)
    (problem,) = problems_of(apply, root, NEW, force=True)
    assert problem.code == "writing/symlink"
    assert list(outside.iterdir()) == []
    assert on_disk(root) == OLD


def test_a_linked_folder_inside_the_project_is_followed(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "provisioning").symlink_to("deploy")
    apply(tmp_path, OLD)
    assert (tmp_path / "deploy/a.yml").read_text() == "a: 1\n"
    assert (tmp_path / "provisioning").is_symlink()


@pytest.mark.parametrize("target", ["../outside.txt", "own.txt", "provisioning/a.yml"])
def test_a_link_where_a_file_should_be_is_refused_even_with_force(root: Path, target: str) -> None:
    outside = root.parent / "outside.txt"
    outside.write_text("mine")
    (root / "provisioning/a.yml").unlink()
    (root / "provisioning/a.yml").symlink_to(root / target)
    (problem,) = problems_of(apply, root, NEW, force=True)
    assert problem.code == "writing/symlink"
    assert outside.read_text() == "mine"


def test_a_linked_state_folder_is_refused(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (root / ".tapewatch").rename(elsewhere)
    (root / ".tapewatch").symlink_to(elsewhere)
    assert problems_of(apply, root, NEW)[0].code == "writing/symlink"


def test_a_project_folder_that_is_itself_linked_works(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    apply(tmp_path / "link", NEW)
    assert on_disk(root) == NEW


def test_a_folder_where_a_file_should_be_and_the_reverse_are_refused(root: Path) -> None:
    (root / "provisioning/new").write_text("a file")
    (root / "provisioning/a.yml").unlink()
    (root / "provisioning/a.yml").mkdir()
    problems = problems_of(apply, root, NEW, force=True)
    assert [(p.code, p.where.file) for p in problems] == [
        ("writing/in-the-way", "provisioning/a.yml"),
        ("writing/in-the-way", "provisioning/new"),
    ]
    assert (root / "provisioning/old/b.yml").exists()


def test_a_project_folder_that_does_not_exist_is_a_problem(tmp_path: Path) -> None:
    for call in (compare, apply):
        assert problems_of(call, tmp_path / "no", NEW)[0].code == "writing/no-folder"
    assert problems_of(recover, tmp_path / "no")[0].code == "writing/no-folder"


# --- a disk that refuses


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "disk-full"), (errno.EROFS, "read-only"), (errno.EACCES, "permission"), (errno.EIO, "disk")],
)
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_disk_that_refuses_before_the_commit_leaves_the_old_set(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str, step: int
) -> None:
    flush, calls = os.fsync, []

    def refuse(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == step:
            raise OSError(number, os.strerror(number))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    (problem,) = problems_of(apply, root, NEW)
    assert problem.code == f"writing/{code}"
    assert "no file was changed" in problem.summary
    assert on_disk(root) == OLD
    assert not list((root / ".tapewatch").glob("staging-*"))


def test_a_disk_that_refuses_after_the_commit_says_that_the_next_run_completes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if target.name == "d.yml":
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    (problem,) = problems_of(apply, root, NEW)
    assert (problem.code, problem.where.file) == ("writing/disk-full", "provisioning/new/deep/d.yml")
    assert "next run completes" in problem.summary
    monkeypatch.undo()
    assert recover(root)
    assert on_disk(root) == NEW
    assert not recover(root)


def test_an_interrupt_right_after_the_commit_keeps_what_was_staged(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = Path.replace

    def interrupt(self: Path, target: Path) -> Path:
        replace(self, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        apply(root, NEW)
    monkeypatch.undo()
    assert recover(root)
    assert on_disk(root) == NEW


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_really_full_disk_leaves_the_old_set(small_disk: Path) -> None:
    apply(small_disk, OLD)
    big = {**OLD, **{f"provisioning/{n}.yml": "x" * 60_000 for n in range(30)}}
    (problem,) = problems_of(apply, small_disk, big)
    assert problem.code == "writing/disk-full"
    assert on_disk(small_disk) == OLD
    assert not list((small_disk / ".tapewatch").glob("staging-*"))
    apply(small_disk, NEW)
    assert on_disk(small_disk) == NEW


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_read_only_disk_can_be_compared_but_not_written(small_disk: Path) -> None:
    apply(small_disk, OLD)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert not recover(small_disk)
    assert not apply(small_disk, OLD)
    (problem,) = problems_of(apply, small_disk, NEW)
    assert problem.code == "writing/read-only"
    assert on_disk(small_disk) == OLD


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="the user is changed, which only root can do")
def test_a_folder_of_another_user_is_refused_before_anything_is_written(root: Path) -> None:
    for part in [*reversed(root.parents), root]:
        if str(part).startswith(tempfile.gettempdir()) and part != Path(tempfile.gettempdir()):
            part.chmod(0o755)
    (root / ".tapewatch").chmod(0o777)
    (root / ".tapewatch/lock").chmod(0o666)
    child = os.fork()
    if child == 0:
        code = 9
        try:
            os.setuid(65534)
            apply(root, NEW)
        except ProblemsError as error:
            code = 0 if [p.code for p in error.problems] == ["writing/permission"] else 8
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert on_disk(root) == OLD
    assert not (root / ".tapewatch/journal.json").exists()


# --- killed at any moment

PROGRAM = Path(__file__).with_name("killed_writer.py")


def writer(root: Path, files: dict[str, str], dies_at: str = "") -> list[str]:
    """The command that writes this set in a process of its own, which dies by SIGKILL at the call named."""
    return [sys.executable, str(PROGRAM), "apply", str(root), json.dumps(files), dies_at]


@pytest.mark.parametrize("who", ["one", "both"])
def test_killed_at_any_step_the_old_set_or_the_new_one_is_there(tmp_path: Path, who: str) -> None:
    """`one` kills the process that takes the step, the command or the one that renames; `both` kills them at once."""
    # With files that become folders and the reverse, where completing a second time is hardest.
    old = {**OLD, "provisioning/x": "file\n", "provisioning/z/v/w": "in a folder\n"}
    new = {**NEW, "provisioning/x/y": "in a folder\n", "provisioning/z": "file\n"}
    command = [sys.executable, str(PROGRAM), "sweep", str(tmp_path), json.dumps(old), json.dumps(new), who]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    outcomes = [json.loads(line) for line in run.stdout.splitlines()]
    for outcome in outcomes:
        assert outcome["files"] in (old, new), outcome
        assert outcome["fits"], outcome  # the manifest is that of the same set
        assert outcome["left"] == [], outcome
        parents = {parent.as_posix() for path in outcome["files"] for parent in Path(path).parents}
        assert set(outcome["folders"]) == parents - {"."}, outcome
    killed = [outcome["files"] == new for outcome in outcomes if outcome["code"] == -signal.SIGKILL]
    assert len(killed) > 30
    assert set(killed) == {False, True}


def test_killing_the_command_alone_leaves_no_mixture_even_without_recovery(tmp_path: Path) -> None:
    """Killed at random times; what another program then sees is one whole set, as soon as the renaming has ended."""
    rng = random.Random(3)
    many_old = {f"provisioning/{n % 7}/{n}.yml": "old\n" for n in range(200)}
    many_new = {f"provisioning/{n % 9}/{n}.yml": "new\n" for n in range(200)}
    apply(tmp_path, many_old)
    killed = set()
    for turn in range(25):
        current, wanted = (many_old, many_new) if on_disk(tmp_path) == many_old else (many_new, many_old)
        command = subprocess.Popen(writer(tmp_path, wanted))
        time.sleep(rng.uniform(0.02, 0.25))
        command.kill()
        killed.add(command.wait())
        wait_for_the_renaming(tmp_path)
        assert on_disk(tmp_path) in (current, wanted), f"turn {turn}"
        recover(tmp_path)
    assert -signal.SIGKILL in killed


def wait_for_the_renaming(root: Path) -> None:
    """Until no process holds the lock: the detached one has ended, or the command was killed before it began."""
    with lock.locked(Root(root), wait=10):
        pass


def test_a_next_run_completes_the_interrupted_set_before_its_own(root: Path) -> None:
    assert subprocess.run(writer(root, NEW, dies_at="fork"), check=False).returncode == -signal.SIGKILL
    assert on_disk(root) == OLD
    assert (root / ".tapewatch/journal.json").exists()
    third = {"other.yml": "x\n"}
    assert apply(root, third).removed == tuple(sorted(NEW))
    assert on_disk(root) == third


DAMAGED_JOURNALS = [
    "{",
    "[]",
    '{"a": 1}',
    '{"staging": "staging-x", "files": ["../x"], "removed": []}',
    '{"staging": "staging-x", "files": [], "removed": ["/etc/x"]}',
    '{"staging": "../..", "files": [], "removed": []}',
]


@pytest.mark.parametrize("content", DAMAGED_JOURNALS)
def test_a_damaged_journal_is_a_clear_problem(root: Path, content: str) -> None:
    (root / ".tapewatch/journal.json").write_text(content)
    assert problems_of(recover, root)[0].code == "writing/damaged-journal"
    assert on_disk(root) == OLD


def test_a_process_with_threads_writes_without_a_child(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("a process with threads must not fork"))
    apply(root, NEW)
    assert on_disk(root) == NEW


# --- several at once


def test_a_second_writer_waits_and_then_says_who_writes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "WAIT", 0.1)
    with lock.locked(Root(root)):
        (problem,) = problems_of(apply, root, NEW)
        assert problem.code == "writing/locked"
        assert str(os.getpid()) in problem.summary
        (root / ".tapewatch/staging-of-the-other").mkdir()
        assert not recover(root)  # a reader need not wait, and leaves the writer's staged files alone
        assert (root / ".tapewatch/staging-of-the-other").exists()
    apply(root, NEW)
    assert on_disk(root) == NEW


def test_two_writers_at_once_leave_one_whole_set(tmp_path: Path) -> None:
    sets = [{f"p/{letter}{n}.yml": letter for n in range(60)} | {"common.yml": letter} for letter in "ab"]
    for _ in range(5):
        commands = [subprocess.Popen(writer(tmp_path, files)) for files in sets]
        assert [command.wait(timeout=60) for command in commands] == [0, 0]
        assert on_disk(tmp_path) in sets
        assert not compare(tmp_path, on_disk(tmp_path))
