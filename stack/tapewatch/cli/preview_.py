"""`tapewatch preview`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapewatch.cli._common import counted, end, open_here, project_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapewatch.project import Project
    from tapewatch.viewing import Moment, Sources, View
    from tapewatch_sdk.plugins import Dashboard


@click.command("preview")
@click.argument("dashboards", metavar="[UID]...", nargs=-1)
@project_options
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default="preview.html",
    show_default=True,
    help="The page; a folder gets it and an SVG for each dashboard, for a pull request.",
)
@click.option("--against", metavar="REVISION", help="Only dashboards that differ from a git revision, side by side.")
@click.option("--prometheus", metavar="URL", help="Draw real data.")
@click.option("--loki", metavar="URL", help="Likewise, for logs.")
@click.option("--jaeger", metavar="URL", help="Likewise, for traces.")
@click.option("--since", metavar="DURATION", default="1h", show_default=True, help="How far the panels look back.")
def command(
    dashboards: tuple[str, ...],
    project: Path,
    use_env: bool,
    output: Path,
    against: str | None,
    prometheus: str | None,
    loki: str | None,
    jaeger: str | None,
    since: str,
) -> None:
    """Draw dashboards from their code, for a review without Grafana.

    The page has the real layout, titles, queries and limits, and with --prometheus the real data. It stands alone: no
    script, nothing that is loaded from elsewhere.

    \b
    Examples:
      tapewatch preview
      tapewatch preview --against origin/main --output review/
      tapewatch preview execution --prometheus http://localhost:9090
    """
    from tapewatch.viewing import Sources, since_now
    from tapewatch.viewing.pick import picked

    opened = open_here(project, use_env)
    boards = picked(opened.dashboards, dashboards)
    sources = Sources(prometheus or "", loki or "", jaeger or "")
    sources.reach()
    try:
        moment = since_now(since, opened.catalogue.defaults.scrape.interval)
    except ValueError as error:
        raise click.BadParameter(f"{error}; write 15m or 1h", param_hint="--since") from error
    if against:
        _compare(opened, boards, set(dashboards), sources, moment, output, against)
    else:
        _draw(opened, boards, sources, moment, output)
    end(opened)


def _draw(project: Project, boards: Sequence[Dashboard], sources: Sources, moment: Moment, output: Path) -> None:
    from tapewatch.previewing import page, picture
    from tapewatch.viewing import view

    views = list(view(boards, sources, moment))
    text = page(views, moment, f"Dashboards of {project.catalogue.platform.name}", _subtitle(sources))
    if _is_folder(output):
        for each in views:
            _write(output / f"{each.dashboard.uid}.svg", picture(each, moment))
    click.echo(f"{counted(len(boards), 'dashboard')} drawn: {_write(_page(output), text)}")


def _compare(
    project: Project,
    boards: Sequence[Dashboard],
    only: set[str],
    sources: Sources,
    moment: Moment,
    output: Path,
    against: str,
) -> None:
    from tapewatch.planning import files_at_revision
    from tapewatch.previewing import compared, dashboards_in, differences, picture
    from tapewatch.viewing import view

    before = [
        board for board in dashboards_in(files_at_revision(project.root, against)) if not only or board.uid in only
    ]
    found = differences(before, boards)
    if not found:
        click.echo(f"no dashboard differs from {against}")
        return

    def look(board: Dashboard) -> View:
        (seen,) = view([board], sources, moment)
        return seen

    text = compared(found, look, moment, f"Dashboards, {against} and now", _subtitle(sources))
    if _is_folder(output):
        for each in found:
            for name, board, marks in (
                ("before", each.before, each.marks_before),
                ("after", each.after, each.marks_after),
            ):
                if board is not None:
                    _write(output / f"{board.uid}.{name}.svg", picture(look(board), moment, marks))
    for each in found:
        click.echo(f"{each.title}: {each.words}")
    click.echo(f"{counted(len(found), 'dashboard')} drawn: {_write(_page(output), text)}")


def _subtitle(sources: Sources) -> str:
    asked = [url for url in (sources.prometheus, sources.loki, sources.jaeger) if url]
    return f"drawn with data of {', '.join(asked)}" if asked else "drawn from their code, without data"


def _is_folder(output: Path) -> bool:
    return output.is_dir() or output.suffix == ""


def _page(output: Path) -> Path:
    return output / "index.html" if _is_folder(output) else output


def _write(path: Path, text: str) -> Path:
    """Write a file whole, or not at all."""
    from tapewatch.writing import write_whole

    write_whole(path, text)
    return path
