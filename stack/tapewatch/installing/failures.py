"""What can go wrong on the host, as problems."""

from __future__ import annotations

from tapewatch_sdk.errors import ProblemsError, ToolError
from tapewatch_sdk.problems import Place, Problem, Severity

__all__ = [
    "data_stays",
    "edited",
    "foreign",
    "missing_program",
    "missing_secret",
    "no_etc",
    "no_root",
    "no_systemd",
    "no_tool",
    "not_active",
    "not_booted",
    "not_installed",
    "not_reloaded",
    "tool_failed",
    "which_host",
]


def no_systemd(project: str) -> ProblemsError:
    """The project has no units."""
    return ProblemsError(
        [
            Problem(
                "systemd/no-units",
                f"{project} has no native units",
                "the catalogue has `stack.systemd`, and its files are generated",
                "add `systemd: {}` to `stack:`, then run `tapewatch generate`",
                Place(path=project),
            )
        ]
    )


def which_host(host: str, letters: list[str]) -> ProblemsError:
    """The stack is spread over other hosts than that."""
    said = f"the stack has no host `{host}`" if host else "the stack is spread over several hosts"
    return ProblemsError(
        [
            Problem(
                "systemd/which-host",
                f"{said}: {', '.join(letters)}" if letters else f"{said}, it runs on one alone",
                "--host gives the letter that `stack.systemd.hosts` gives to this host, where there are several",
                f"give --host {letters[0]}, or another of them" if letters else "leave out --host",
            )
        ]
    )


def no_root() -> ProblemsError:
    """Somebody else works on the running host."""
    return ProblemsError(
        [
            Problem(
                "systemd/no-root",
                "units and users of this machine belong to root",
                "the command runs as root, unless --root names the folder of an image",
                "run it with sudo, or give --root",
            )
        ]
    )


def not_booted() -> ProblemsError:
    """There is no systemd to talk to."""
    return ProblemsError(
        [
            Problem(
                "systemd/not-booted",
                "this machine does not run systemd",
                "systemd is process 1, unless --root names the folder of an image",
                "run it on the host itself, or give --root",
            )
        ]
    )


def no_etc(root: str) -> ProblemsError:
    """The folder is no image."""
    return ProblemsError(
        [
            Problem(
                "systemd/no-image",
                f"{root} has no folder `etc`",
                "--root names the folder of a system",
                "correct --root",
                Place(path=root),
            )
        ]
    )


def no_tool(program: str) -> ToolError:
    """One of systemd's own programs is not there."""
    return ToolError(
        [
            Problem(
                "systemd/no-tool",
                f"the program {program} is not on PATH",
                "systemd's own programs are here, from version 252 on",
                "install systemd",
                Place(path=program),
            )
        ]
    )


def tool_failed(command: str, said: str) -> ToolError:
    """One of them refused."""
    return ToolError(
        [
            Problem(
                "systemd/failed",
                f"`{command}` failed: {said or 'it says nothing'}",
                "systemd does what it is told",
                "mend what it says, then run again: what is done already stays done",
                Place(path=command),
            )
        ]
    )


def not_installed(root: str) -> Problem:
    """There is nothing to remove."""
    return Problem(
        "systemd/not-installed",
        f"nothing was installed in {root} by `tapewatch systemd install`",
        "what is removed was installed by this command",
        "copied units become its own by `tapewatch systemd install --apply`; then remove them",
        Place(path=root),
    )


def edited(path: str, *, stays: bool) -> Problem:
    """A file that somebody changed after it was installed."""
    return Problem(
        "systemd/edited-by-hand",
        f"{path} was edited by hand since it was installed{'' if stays else ', and would now be removed'}",
        "installed files are changed through the catalogue alone",
        "move the change into the catalogue, or a unit's into a drop-in (`systemctl edit`), or give --force to lose it",
        Place(file=path),
    )


def foreign(path: str) -> Problem:
    """A file that somebody else put there."""
    return Problem(
        "systemd/foreign-file",
        f"{path} exists, and was not installed by tapewatch",
        "an installed file may only replace an installed file",
        "move it away, or give --force to overwrite it",
        Place(file=path),
    )


def missing_secret(units: list[str], file: str, *, image: bool) -> Problem:
    """Units cannot start without a file; in an image it may come later."""
    when = " (at the latest on the host itself)" if image else ", then run again"
    return Problem(
        "systemd/missing-secret",
        f"{file} is missing, and without it {' and '.join(units)} {'do' if len(units) > 1 else 'does'} not start",
        "each secret of a unit lies where `stack.systemd.secrets` says",
        f"put it there, readable for root alone{when}",
        Place(file=file),
        Severity.WARNING if image else Severity.ERROR,
    )


def missing_program(unit: str, file: str) -> Problem:
    """A unit has nothing to run; the others are none the worse for it."""
    return Problem(
        "systemd/missing-program",
        f"{file} is missing, so {unit} is left out",
        "each program lies where `stack.systemd.programs` says",
        "put it there, then run again",
        Place(file=file),
        Severity.WARNING,
    )


def not_active(unit: str, state: str, log: str) -> Problem:
    """A unit did not come up."""
    return Problem(
        "systemd/not-started",
        f"{unit} is {state}: {log or 'its journal says nothing'}",
        "each unit answers on its health page within its time",
        f"`journalctl --unit={unit}` tells the whole story; run again once it is mended",
        Place(path=unit),
    )


def not_reloaded(unit: str, said: str) -> Problem:
    """A server goes on with what it had."""
    return Problem(
        "systemd/not-reloaded",
        f"{unit} refused its new files, and goes on with the old ones: {said or 'its journal says nothing'}",
        "each server accepts its files",
        f"`journalctl --unit={unit}` says why; correct the catalogue, generate and install again",
        Place(path=unit),
    )


def data_stays(path: str, reason: str) -> Problem:
    """Data that could not be removed."""
    return Problem(
        "systemd/data",
        f"{path} could not be removed: {reason}",
        "data that is to go lies in plain folders that root may remove",
        "remove it by hand",
        Place(file=path),
    )
