"""The Rust module: a table of families for the macros of the runtime, and the runtime itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files

from tapewatch import layout
from tapewatch.renderers.instruments.names import RUST_RESERVED, identifier, joined
from tapewatch.renderers.instruments.plan import DomainPlan
from tapewatch.renderers.instruments.words import bounds, family_words, plain

__all__ = ["rust_module"]

_PARTS = ("head", "registry", "instruments", "families", "cells", "text", "server")
"""Files of the runtime, in the order in which they stand in the module; the tables come after the first."""

Labels = tuple[str, ...]


def rust_module(domains: Sequence[DomainPlan]) -> str:
    """The text of the whole module. `rustfmt` leaves it as it is: it formats no table of a macro."""
    sets = _sets(domains)
    head, *parts = (
        files(__name__.rpartition(".")[0]).joinpath("runtime", f"{part}.rs").read_text(encoding="utf-8")
        for part in _PARTS
    )
    tables = ["\n".join(_labels(sets)), *("\n".join(_domain(domain, sets)) for domain in domains)]
    return "\n".join([f"// {layout.HEADER}\n{head}", *(f"{table}\n" for table in tables), *parts])


def _sets(domains: Iterable[DomainPlan]) -> dict[Labels, str]:
    """The type of each list of labels. The type stands in no signature that anybody must write."""
    taken = {domain.class_name for domain in domains}
    found: dict[Labels, str] = {}
    for domain in domains:
        for family in domain.families:
            if family.labels and family.labels not in found:
                name = f"By{joined(family.labels)}"
                while name in taken:
                    name += "Again"
                taken.add(name)
                found[family.labels] = name
    return found


def _labels(sets: dict[Labels, str]) -> Iterator[str]:
    yield "label_sets! {"
    for labels, name in sets.items():
        arguments = {label: identifier(label, RUST_RESERVED) for label in labels}
        # The exposition has labels in the order of their names.
        pairs = (f'"{label}" = {arguments[label]}' for label in sorted(labels))
        yield f"    {name}({', '.join(arguments.values())}): [{', '.join(pairs)}];"
    yield "}"


def _domain(domain: DomainPlan, sets: dict[Labels, str]) -> Iterator[str]:
    yield "domain! {"
    yield f"    /// {plain(domain.description)}"
    yield f"    {domain.class_name}, {domain.budget} {{"
    for family in domain.families:
        kind = str(family.type).title()
        of = f"{sets[family.labels]}<{kind}>" if family.labels else kind
        buckets = f", [{', '.join(bounds(family))}]" if family.buckets else ""
        yield f"        /// {family_words(family)}"
        yield f"        {identifier(family.name, RUST_RESERVED)}: {of} ="
        yield f"            ({_text(family.name)}, {_text(family.help)}{buckets});"
    yield "    }"
    yield "}"


def _text(text: str) -> str:
    return '"' + "".join(map(_character, text)) + '"'


def _character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"
