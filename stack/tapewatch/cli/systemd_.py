"""`tapewatch systemd`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from tapewatch.cli._common import FINDINGS, code_of, counted, fail, print_problems

if TYPE_CHECKING:
    from tapewatch.installing.host import Host
    from tapewatch.installing.plan import Plan
    from tapewatch_sdk.problems import Problem

_FOLDER = click.Path(file_okay=False, path_type=Path)

_MANY = 40
"""Lines of changes above which they are counted, such as at the first time."""

_WORDS = {
    "user": ("add user", "added user"),
    "folder": ("make folder", "made folder"),
    "enable": ("enable", "enabled"),
    "disable": ("disable", "disabled"),
    "start": ("start", "started"),
    "restart": ("restart", "restarted"),
    "reload": ("reload", "reloaded"),
    "stop": ("stop", "stopped"),
    "data": ("delete", "deleted"),
    "stays": ("stays", "stays"),
}
"""What is said of a step before and after it is done."""


@click.group("systemd")
def command() -> None:
    """Bring the stack's native units onto this host, or off it.

    \b
    Examples:
      sudo tapewatch systemd install --apply
      sudo tapewatch systemd remove
    """


def work_options(command: Any) -> Any:
    """Where, and whether anything is changed."""
    for option in (
        click.option("--force", is_flag=True, help="Overwrite and remove files that were edited by hand, too."),
        click.option("--apply", "wanted", is_flag=True, help="Do it; without this it is only said."),
        click.option(
            "--root", type=_FOLDER, default="/", show_default=True, help="The host's folder, such as that of an image."
        ),
    ):
        command = option(command)
    return command


@command.command("install")
@click.option("--project", type=_FOLDER, default=".", show_default=True, help="Folder of the generated files.")
@click.option("--host", metavar="LETTER", default="", help="Which host this is, where there are several.")
@work_options
def install(project: Path, host: str, root: Path, wanted: bool, force: bool) -> None:
    """Bring what `generate` wrote for hosts below /etc, and into force.

    First says what will be done, and without --apply does no more. Users and folders are made, units started, reloaded
    when rules, targets or routes have changed, restarted when they themselves have; what has not changed is left alone.
    A run that was killed is completed by the next one.

    Exit code 1 when there is something to do and no --apply, or when a unit cannot run.

    \b
    Examples:
      sudo tapewatch systemd install
      sudo tapewatch systemd install --apply
      sudo tapewatch systemd install --host b --apply
      tapewatch systemd install --root build/image --apply
    """
    from tapewatch.installing.carry_out import install as carry_out
    from tapewatch.installing.host import host_at
    from tapewatch.installing.plan import plan_install
    from tapewatch.installing.project import native_files
    from tapewatch.writing import recover

    here = host_at(root)
    recover(here.etc)
    files = native_files(project, host)
    _run(here, plan_install(here, files), wanted, force, carry_out)


@command.command("remove")
@work_options
@click.option("--with-data", is_flag=True, help="Delete metrics, logs, traces and all other data of the stack, too.")
def remove(root: Path, wanted: bool, force: bool, with_data: bool) -> None:
    """Stop the units and take them off this host.

    First says what will be done, and without --apply does no more. Data, logs and secrets stay where they are and are
    named; --with-data deletes data and logs.

    \b
    Examples:
      sudo tapewatch systemd remove
      sudo tapewatch systemd remove --apply
      sudo tapewatch systemd remove --with-data --apply
    """
    from tapewatch.installing.carry_out import remove as carry_out
    from tapewatch.installing.host import host_at
    from tapewatch.installing.plan import plan_remove
    from tapewatch.writing import recover

    host = host_at(root)
    recover(host.etc)
    _run(host, plan_remove(host, data=with_data), wanted, force, carry_out)


def _run(host: Host, plan: Plan, wanted: bool, force: bool, carry_out: Callable[..., list[Problem]]) -> NoReturn:
    if wanted and plan.hand and not force:
        fail(plan.hand)
    _tell_files(plan, "write" if plan.files else "remove")
    if wanted and plan.works:
        failed = carry_out(host, plan, lambda text: click.echo(text, err=True), force=force)
        _tell_steps(plan, 1, {problem.where.path for problem in failed})
        _end([*plan.problems, *failed], changes=False)
    _tell_steps(plan, 0, set())
    if not plan.works:
        click.echo("nothing to do")
    _end([*([] if force else plan.hand), *plan.problems], changes=plan.works)


def _tell_files(plan: Plan, verb: str) -> None:
    """What changes, one line each; where it is very much, how many of each kind."""
    from tapewatch.planning.render import line_of

    if len(plan.words) <= _MANY:
        for change in plan.words:
            click.echo(line_of(change))
        return
    kinds = {change.kind: 0 for change in plan.words}
    for change in plan.words:
        kinds[change.kind] += 1
    told = ", ".join(counted(count, kind) for kind, count in kinds.items())
    files = sum(map(len, (plan.changes.created, plan.changes.updated, plan.changes.removed)))
    click.echo(f"{verb:<12} {counted(files, 'file')} below /etc: {told}")


def _tell_steps(plan: Plan, tense: int, failed: set[str | None]) -> None:
    alike: dict[tuple[str, str], list[str]] = {}
    for step in plan.steps:
        if step.name not in failed:
            alike.setdefault((_WORDS[step.kind][tense], step.why), []).append(step.name)
    for (word, why), names in alike.items():
        click.echo(f"{word:<12} {', '.join(names)}{f': {why}' if why else ''}")


def _end(problems: Sequence[Problem], *, changes: bool) -> NoReturn:
    if changes:
        click.echo("nothing was changed; --apply does it")
    print_problems(problems, "text", sys.stderr)
    sys.exit(max(code_of(problems), FINDINGS if changes else 0))
