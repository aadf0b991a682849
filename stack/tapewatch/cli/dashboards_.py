"""`tapewatch dashboards`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from tapewatch.cli._common import FINDINGS, code_of, counted, format_option, open_here, print_problems, project_options

if TYPE_CHECKING:
    from tapewatch.uploading.api import Api
    from tapewatch.uploading.plan import Plan, Step
    from tapewatch_sdk.plugins import Dashboard
    from tapewatch_sdk.problems import Problem

WORDS = {"create": "created", "update": "updated", "delete": "deleted"}
"""What is said once a step is done."""


@click.group("dashboards")
def command() -> None:
    """Bring the dashboards into any Grafana, or share one with the public."""


def grafana_options(command: Any) -> Any:
    """How to reach a Grafana and get in; no secret on the command line."""
    for option in (
        click.option("--plain-http", is_flag=True, help="Send the secret without TLS to another machine."),
        click.option("--password-file", type=click.Path(path_type=Path), help="Holds the user's password."),
        click.option("--user", default="admin", show_default=True, help="With --password-file."),
        click.option("--token-file", type=click.Path(path_type=Path), help="Holds a token; else GRAFANA_TOKEN."),
        click.option("--url", required=True, metavar="URL", help="Where Grafana's pages begin."),
    ):
        command = option(command)
    return command


def work_options(command: Any) -> Any:
    """Whether anything is changed."""
    command = click.option("--dry-run", is_flag=True, help="Only say what would be changed; so without --apply, too.")(
        command
    )
    return click.option("--apply", "wanted", is_flag=True, help="Do it.")(command)


@command.command("push")
@click.argument("dashboards", metavar="[UID]...", nargs=-1)
@project_options
@grafana_options
@work_options
@click.option("--overwrite", metavar="UID", multiple=True, help="Also where somebody changed this one in Grafana.")
@click.option("--datasource", metavar="NAME=UID", multiple=True, help="Another UID of a data source there.")
@format_option()
def push(
    dashboards: tuple[str, ...],
    project: Path,
    use_env: bool,
    wanted: bool,
    dry_run: bool,
    overwrite: tuple[str, ...],
    datasource: tuple[str, ...],
    output: str,
    **grafana: Any,
) -> None:
    """Upload the dashboards to a Grafana: first say what would change, and with --apply change it.

    A dashboard that this project did not upload is never touched; one that somebody changed in Grafana only with
    --overwrite. Dashboards that are gone from the project are deleted there, unless only some are named here.

    Exit code 1 when there are changes that --apply would make, or dashboards that are left alone, 2 when Grafana does
    not answer or does not allow it.

    \b
    Examples:
      GRAFANA_TOKEN=... tapewatch dashboards push --url https://grafana
      tapewatch dashboards push --url https://grafana --token-file token --apply
      tapewatch dashboards push risk --url http://localhost:3000 --apply
    """
    from tapewatch.uploading.carry_out import carry_out
    from tapewatch.uploading.plan import plan
    from tapewatch.uploading.sources import missing_sources, read_mapping, with_sources
    from tapewatch.viewing.pick import picked

    _checked(wanted, dry_run)
    opened, api = open_here(project, use_env), _api(**grafana)
    mapping = read_mapping(datasource)
    boards = [with_sources(each, mapping) for each in picked(opened.dashboards, dashboards)]
    version = api.version()
    # A plugin that failed takes nothing away.
    whole = not dashboards and not opened.plugins.problems
    found = plan(api, boards, opened.catalogue.platform.name, overwrite=overwrite, whole=whole)
    problems = [*opened.plugins.problems, *missing_sources(api, boards), *found.problems()]
    say = _say(output)
    say(f"Grafana {version} at {api.url}, project {opened.catalogue.platform.name}")
    if wanted:
        problems += carry_out(api, found, lambda step: say(_line(WORDS[step.kind], step)))
    else:
        _tell(found, say)
    _tell_rest(found, say)
    _end(problems, output, changes=found.works and not wanted)


@command.command("share")
@click.argument("uid", metavar="UID")
@project_options
@grafana_options
@work_options
@click.option("--choose", metavar="NAME=VALUE", multiple=True, help="What a variable is; all without it.")
@click.option("--stop", is_flag=True, help="Stop sharing it, and delete the copy.")
@click.option("--datasource", metavar="NAME=UID", multiple=True, help="Another UID of a data source there.")
@format_option()
def share(
    uid: str,
    project: Path,
    use_env: bool,
    wanted: bool,
    dry_run: bool,
    choose: tuple[str, ...],
    stop: bool,
    datasource: tuple[str, ...],
    output: str,
    **grafana: Any,
) -> None:
    """Share a dashboard with everybody who has its link.

    What is shared is a copy of a folder of its own, with every variable filled in and without logs, traces and links.
    Without --apply nothing is changed.

    \b
    Examples:
      tapewatch dashboards share risk --url https://grafana --apply
      tapewatch dashboards share market-data --url URL --choose candles=BTC-USD
      tapewatch dashboards share risk --url https://grafana --stop --apply
    """
    from tapewatch.viewing.pick import picked

    _checked(wanted, dry_run)
    opened, api = open_here(project, use_env), _api(**grafana)
    (board,) = picked(opened.dashboards, [uid])
    say = _say(output)
    say(f"Grafana {api.version()} at {api.url}")
    problems: list[Problem] = []
    if stop:
        changes = _stop(api, uid, wanted, say)
    else:
        changes, problems = _share(api, board, opened.catalogue.platform.name, choose, datasource, wanted, say)
    _end(problems, output, changes=changes and not wanted)


def _share(
    api: Api,
    board: Dashboard,
    project: str,
    choose: Sequence[str],
    datasource: Sequence[str],
    wanted: bool,
    say: Callable[[str], None],
) -> tuple[bool, list[Problem]]:
    """Share it, or say what would be; gives whether that is a change, and what is in the way."""
    from tapewatch.uploading.plan import plan
    from tapewatch.uploading.public import public_copy
    from tapewatch.uploading.sharing import share as share_publicly
    from tapewatch.uploading.sharing import shared
    from tapewatch.uploading.sources import read_mapping, with_sources

    copy = with_sources(public_copy(board, _chosen(choose)), read_mapping(datasource))
    found = plan(api, [copy], project, whole=False)
    if problems := list(found.problems()):
        return False, problems
    if wanted:
        say(f"`{board.uid}` is shared at {share_publicly(api, found).url}")
        return True, []
    before = shared(api, copy.uid)
    is_shared = before is not None and before.enabled
    say(f"`{board.uid}` {'is' if is_shared else 'would be'} shared, as {copy.title}")
    _tell(found, say)
    return found.works or not is_shared, []


def _stop(api: Api, uid: str, wanted: bool, say: Callable[[str], None]) -> bool:
    """Share it no more, or say so; gives whether that is a change."""
    from tapewatch.uploading.public import public_uid
    from tapewatch.uploading.sharing import shared, unshare

    before = shared(api, public_uid(uid))
    if wanted:
        unshare(api, public_uid(uid))
    said = "is not shared any more" if wanted else "would not be shared any more"
    say(f"`{uid}` {said if before else 'is not shared'}")
    return before is not None


def _checked(wanted: bool, dry_run: bool) -> None:
    if wanted and dry_run:
        raise click.UsageError("--apply and --dry-run exclude each other")


def _api(url: str, token_file: Path | None, user: str, password_file: Path | None, plain_http: bool) -> Api:
    from tapewatch.uploading.access import access
    from tapewatch.uploading.api import Api

    if token_file and password_file:
        raise click.UsageError("--token-file and --password-file exclude each other")
    return Api(access(url, os.environ, token_file=token_file, user=user, password_file=password_file, plain=plain_http))


def _chosen(words: Sequence[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    if wrong := next((word for word, pair in zip(words, pairs, strict=True) if not pair[0] or not pair[2]), ""):
        raise click.BadParameter(f"{wrong} is not NAME=VALUE", param_hint="--choose")
    return {name: value for name, _, value in pairs}


def _say(output: str) -> Callable[[str], None]:
    """Words are for people: a machine that asked for problems as data gets those alone."""
    return lambda text: click.echo(text, err=output == "json")


def _line(word: str, step: Step) -> str:
    why = f": {step.why}" if step.why else ""
    return f"{word:14} {step.uid:40} {step.title}{why}"


def _tell(plan: Plan, say: Callable[[str], None]) -> None:
    for folder in plan.folders:
        say(f"{'create folder':14} {folder.uid:40} {folder.title}")
    for step in plan.steps:
        if step.works:
            say(_line(step.kind, step))


def _tell_rest(plan: Plan, say: Callable[[str], None]) -> None:
    unchanged = sum(step.kind == "unchanged" for step in plan.steps)
    if unchanged:
        say(f"{'unchanged':14} {counted(unchanged, 'dashboard')}")
    if plan.strangers:
        say(f"{'left alone':14} {counted(len(plan.strangers), 'dashboard')} of others in our folders: "
            f"{', '.join(plan.strangers)}")  # fmt: skip


def _end(problems: Sequence[Problem], output: str, *, changes: bool) -> NoReturn:
    if changes:
        click.echo("nothing was changed; --apply does it", err=output == "json")
    print_problems(problems, output, sys.stdout)
    sys.exit(max(code_of(problems), FINDINGS if changes else 0))
