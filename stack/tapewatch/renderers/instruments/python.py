"""The Python module, formatted as `ruff format` would with lines of 120 characters."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.instruments.names import PYTHON_RESERVED, identifier
from tapewatch.renderers.instruments.plan import DomainPlan
from tapewatch.renderers.instruments.words import bounds, family_words, plain
from tapewatch_sdk.families import Family

__all__ = ["python_module"]

_WIDTH = 120

Labels = tuple[str, ...]


def python_module(catalogue: Catalogue, domains: Sequence[DomainPlan]) -> str:
    """The text of the whole module."""
    functions = _functions(domains)
    parts = [
        _head(catalogue, domains),
        *(_function(name, labels) for labels, name in functions.items()),
        *("\n".join(_class(domain, functions)) for domain in domains),
    ]
    return "\n\n\n".join(parts) + "\n"


def _head(catalogue: Catalogue, domains: Sequence[DomainPlan]) -> str:
    names = [f'    "{domain.class_name}",' for domain in domains]
    return "\n".join(
        [
            f"# {layout.HEADER}",
            "# ruff: noqa -- names and texts are the catalogue's",
            f'"""The metric families of the platform `{catalogue.platform.name}`: a class for each domain."""',
            "",
            "from __future__ import annotations",
            "",
            "from tapewatch_sdk import typed",
            "",
            *(["__all__ = [", *names, "]"] if names else ["__all__: list[str] = []"]),
        ]
    )


def _functions(domains: Iterable[DomainPlan]) -> dict[Labels, str]:
    """The function of each list of labels; they are the module's own, so a number may tell two apart."""
    found: dict[Labels, str] = {}
    for domain in domains:
        for family in domain.families:
            if family.labels and family.labels not in found:
                name = "_".join(("_by", *family.labels))
                while name in found.values():
                    name += "_2"
                found[family.labels] = name
    return found


def _function(name: str, labels: Labels) -> str:
    arguments = [identifier(label, PYTHON_RESERVED) for label in labels]
    pairs = [f'"{label}": {argument}' for label, argument in zip(labels, arguments, strict=True)]
    given = [f"{argument}: str" for argument in arguments]
    head = f"def {name}(*, {', '.join(given)}) -> dict[str, str]:"
    if len(head) > _WIDTH:
        head = "\n".join([f"def {name}(", *(f"    {each}," for each in ("*", *given)), ") -> dict[str, str]:"])
    body = f"    return {{{', '.join(pairs)}}}"
    if len(body) > _WIDTH:
        body = "\n".join(["    return {", *(f"        {each}," for each in pairs), "    }"])
    return f"{head}\n{body}"


def _class(domain: DomainPlan, functions: dict[Labels, str]) -> Iterator[str]:
    yield f"class {domain.class_name}(typed.Domain):"
    yield from _docstring(domain.description)
    yield ""
    yield f"    _budget = {domain.budget}"
    for family in domain.families:
        yield ""
        yield from _family(family, functions)
        yield from _docstring(family_words(family))


def _family(family: Family, functions: dict[Labels, str]) -> Iterator[str]:
    start = f"    {identifier(family.name, PYTHON_RESERVED)} = typed.{family.type}("
    arguments = list(_arguments(family, functions))
    whole = f"{start}{', '.join(arguments)})"
    if _is_short(whole):
        yield whole
        return
    # The comma at the end keeps `ruff format` from trying anything else.
    yield start
    for argument in arguments:
        line = f"        {argument},"
        yield from [line] if _is_short(line) or not argument.startswith("buckets=") else _buckets(family)
    yield "    )"


def _arguments(family: Family, functions: dict[Labels, str]) -> Iterator[str]:
    yield _text(family.name)
    yield _text(family.help)
    if family.labels:
        yield functions[family.labels]
    if family.buckets:
        comma = "," if len(family.buckets) == 1 else ""
        yield f"buckets=({', '.join(bounds(family))}{comma})"
    if family.unit:
        yield f"unit={_text(family.unit)}"


def _buckets(family: Family) -> list[str]:
    return ["        buckets=(", *(f"            {bound}," for bound in bounds(family)), "        ),"]


def _is_short(line: str) -> bool:
    """Whether a line is surely not too long; some characters are two wide."""
    return len(line) + sum(not character.isascii() for character in line) <= _WIDTH


def _docstring(text: str) -> list[str]:
    words = plain(text).replace("\\", "\\\\").replace('"', "'")
    if len(words) + 10 <= _WIDTH:
        return [f'    """{words}"""']
    lines = textwrap.wrap(words, _WIDTH - 8, break_long_words=False, break_on_hyphens=False)
    return [f'    """{lines[0]}', *(f"    {line}" for line in lines[1:]), '    """']


def _text(text: str) -> str:
    """A text in the quotes that need fewer backslashes, as `ruff format` has it."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_character(each, quote) for each in text) + quote


def _character(character: str, quote: str) -> str:
    if character in (quote, "\\"):
        return f"\\{character}"
    return character if character.isprintable() else character.encode("unicode_escape").decode()
