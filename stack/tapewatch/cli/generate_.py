"""`tapewatch generate`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tapewatch.cli._common import FINDINGS, code_of, counted, open_here, print_problems, project_options
from tapewatch_sdk.problems import Problem, Severity


@click.command("generate")
@project_options
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="Write the files below this folder.")
@click.option("--force", is_flag=True, help="Overwrite files that were edited by hand.")
def command(project: Path, use_env: bool, output: Path | None, force: bool) -> None:
    """Write every configuration file from the catalogue.

    Runs `check` first and writes nothing when it finds an error. The files change all together or not at all.
    With --env the files of this project are left alone: they are committed as the defaults render them, so another
    environment gets its own copy with --output.

    \b
    Examples:
      tapewatch generate
      ENVIRONMENT=production tapewatch generate --env --output build/production
    """
    if use_env and output is None:
        raise click.UsageError("--env needs --output: the committed files are rendered with the defaults.")
    opened = open_here(project, use_env)
    findings = opened.check()
    if _refused(findings):
        print_problems(findings, "text", sys.stderr)
        click.echo("nothing was written", err=True)
        sys.exit(FINDINGS)
    files = opened.render()
    lost = [problem for problem in opened.plugins.problems if problem not in findings]
    _write(output or project, files, force, keep=bool(opened.plugins.problems))
    print_problems([*findings, *lost], "text", sys.stderr)
    sys.exit(code_of([*findings, *lost]))


def _refused(findings: list[Problem]) -> bool:
    """A broken plugin does not stop the rest; every other error does."""
    return any(each.severity is Severity.ERROR and not each.code.startswith("plugins/") for each in findings)


def _write(root: Path, files: dict[str, str], force: bool, keep: bool) -> None:
    from tapewatch.writing import apply

    root.mkdir(parents=True, exist_ok=True)
    changes = apply(root, files, force=force, keep=keep)
    overwritten = (*changes.edited_by_hand, *changes.foreign)
    words = {"created": changes.created, "updated": changes.updated, "removed": changes.removed}
    for word, paths in {**words, "overwritten, what a person wrote there is gone:": overwritten}.items():
        for path in paths:
            click.echo(f"{word}  {path}")
    written = sum(map(len, (*words.values(), overwritten)))
    total = counted(len(files) + 1, "file")  # the manifest is one of them
    click.echo(f"{total}, {written} changed" if written else f"{total}, nothing to do")
