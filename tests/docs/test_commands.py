"""docs/commands.md has every command with its options; no page names one that does not exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from docs.pages import Page, all_pages, page, rows
from tapewatch.cli import cli


def commands(group: click.Group = cli, name: str = "tapewatch") -> Iterator[tuple[str, click.Command]]:
    """Every command by what one types."""
    context = click.Context(group)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None
        yield f"{name} {word}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {word}")


COMMANDS = dict(commands())
EVERYWHERE = {"-h", "--help"}


def options(command: click.Command) -> set[str]:
    given = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    return {name for parameter in given for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize(
    "name", [name for name, command in COMMANDS.items() if not isinstance(command, click.Group) or command.params]
)
def test_every_command_has_its_section_with_each_option(name: str) -> None:
    sections = page("commands.md").sections
    assert name in sections, f"docs/commands.md needs a heading `{name}`"

    described = {word for cells in rows(sections[name]) for word in re.findall(r"--?[a-z-]+", cells[0])}

    assert described == options(COMMANDS[name]) - EVERYWHERE


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if command.params])
def test_every_argument_and_choice_is_named(name: str) -> None:
    section = page("commands.md").sections.get(name, "")
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Argument):
            assert parameter.make_metavar(click.Context(COMMANDS[name])).strip("{}").split("|")[0] in section
        if isinstance(parameter.type, click.Choice):
            assert all(f"`{choice}`" in section for choice in parameter.type.choices), parameter.name


def typed(one: Page) -> Iterator[list[str]]:
    """Every call of tapewatch in a page's code, as words."""
    shells = [block for block in one.blocks if block.language not in ("yaml", "python")]
    lines = [line for block in shells for line in block.text.splitlines()]
    lines += [line[4:] for line in one.prose.splitlines() if line.startswith("    ")]
    for text in (*one.spans, *lines):
        for call in re.split(r"&&|\||;|\(", text.removeprefix("$ ").partition("  #")[0]):
            call = re.sub(r"^(?:[A-Z_]+=\S+ +)+", "", call.strip())
            if re.match(r"tapewatch +[a-z-]", call):
                yield shlex.split(call.rstrip(")"))


@pytest.mark.parametrize("one", all_pages(), ids=lambda one: one.name)
def test_no_page_names_a_command_or_an_option_that_does_not_exist(one: Page) -> None:
    for words in typed(one):
        name = next((" ".join(words[:count]) for count in (3, 2) if " ".join(words[:count]) in COMMANDS), "")
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        known = EVERYWHERE | {"--version"} | (options(COMMANDS[name]) if name else set())

        assert name or words[1].startswith("--"), f"there is no command `{' '.join(words)}`"
        assert given <= known, f"`{' '.join(words)}` has options that do not exist"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_is_shown_as_it_was_written(name: str) -> None:
    text = COMMANDS[name].get_help(click.Context(COMMANDS[name], info_name=name, terminal_width=80))

    assert "\\b" not in text, "the mark that keeps line breaks is the character \\b: the docstring must not be raw"
