"""What can be wrong with a document that parses, in the words of the person who has to mend it."""

from __future__ import annotations

from tapewatch_sdk.problems import Place, Problem

__all__ = [
    "bad_merge",
    "bad_scalar",
    "duplicate_anchor",
    "duplicate_key",
    "empty",
    "key_is_a_collection",
    "key_is_not_text",
    "not_a_mapping",
    "recursive_alias",
    "second_document",
    "too_deep",
    "too_many_nodes",
    "too_many_problems",
    "unknown_alias",
    "unknown_tag",
]

_TYPE_NAMES = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
    dict: "a mapping",
    list: "a list",
}


def _type_name(value: object) -> str:
    return _TYPE_NAMES.get(type(value), "text")


def empty(where: Place) -> Problem:
    """Nothing is there, or only comments."""
    return Problem(
        "document/empty",
        "the file is empty",
        "a mapping (`key: value` lines) must stand at the top level",
        "write the content, or restore the file from version control",
        where,
    )


def not_a_mapping(where: Place, data: object) -> Problem:
    """The top level is a list or a scalar."""
    return Problem(
        "document/not-a-mapping",
        f"the top level is {_type_name(data)}, not a mapping",
        "a mapping (`key: value` lines) must stand at the top level",
        "put the content under its key, and check that this is the right file",
        where,
    )


def duplicate_key(where: Place, key: str, first_line: int) -> Problem:
    """A key stands twice in one mapping."""
    fix = "write `<<: [*first, *second]` to merge several" if key == "<<" else "remove one of the two, or rename it"
    return Problem(
        "document/duplicate-key",
        f'key "{key}" stands twice: in line {first_line} and in line {where.line}',
        "each key of a mapping must stand only once; YAML readers disagree on which one counts",
        fix,
        where,
    )


def key_is_not_text(where: Place, spelling: str, value: object) -> Problem:
    """A key such as `on`, `9100` or `~`, which YAML 1.1 reads as something else than text."""
    return Problem(
        "document/key-not-text",
        f"key `{spelling}` is read as {_type_name(value)}",
        "every key must be text",
        f'write it in quotes: "{spelling}"' if not spelling.startswith("*") else "write the key out",
        where,
    )


def key_is_a_collection(where: Place, mapping: bool) -> Problem:
    """A list or mapping as key; mostly a template or a placeholder that wants quotes."""
    shape, bracket = ("mapping", "{") if mapping else ("list", "[")
    return Problem(
        "document/key-not-text",
        f"a {shape} stands where a key is expected",
        "every key must be text",
        f'a value that begins with `{bracket}` must stand in quotes: "{{{{ $value }}}}"',
        where,
    )


def unknown_tag(where: Place, tag: str) -> Problem:
    """A tag that is none of YAML's plain types."""
    shown = tag.replace("tag:yaml.org,2002:", "!!")
    return Problem(
        "document/unknown-tag",
        f"tag `{shown}` is not supported",
        "only !!str, !!int, !!float, !!bool, !!null, !!map and !!seq may be used; nothing else is ever constructed",
        "remove the tag, or put a value that begins with `!` in quotes",
        where,
    )


def bad_scalar(where: Place, text: str, kind: str) -> Problem:
    """A scalar that cannot be what it looks like, or what its tag says."""
    shown = text if len(text) <= 40 else text[:37] + "..."
    return Problem(
        "document/bad-scalar",
        f"`{shown}` is not a valid {kind}",
        "a number must be one that can be converted, and a tagged value must fit its tag",
        "correct the value, or put it in quotes to make it text",
        where,
    )


def bad_merge(where: Place) -> Problem:
    """`<<` with something that cannot be merged."""
    return Problem(
        "document/bad-merge",
        "`<<` merges something that is not a mapping",
        "`<<` must be followed by an alias of a mapping, or by a list of such aliases",
        "write `<<: *name`, where `&name` marks a mapping further up",
        where,
    )


def unknown_alias(where: Place, name: str) -> Problem:
    """An alias without its anchor."""
    return Problem(
        "document/unknown-alias",
        f"alias `*{name}` has no anchor",
        f"`&{name}` must stand further up in the same file",
        f'define the anchor; a value that shall begin with an asterisk must stand in quotes: "*{name}"',
        where,
    )


def recursive_alias(where: Place, name: str) -> Problem:
    """An alias inside the value that it stands for."""
    return Problem(
        "document/recursive-alias",
        f"alias `*{name}` stands inside the value that it repeats",
        "a value must not contain itself",
        "write out what is meant instead of the alias",
        where,
    )


def duplicate_anchor(where: Place, name: str) -> Problem:
    """One anchor name given twice."""
    return Problem(
        "document/duplicate-anchor",
        f"anchor `&{name}` is defined twice",
        "each anchor must be defined once",
        "give one of them another name",
        where,
    )


def too_many_nodes(where: Place, limit: int) -> Problem:
    """The document is, or unfolds to, more than anyone means."""
    return Problem(
        "document/too-large",
        f"the document has more than {limit:,} values once its aliases are written out",
        f"a document must have at most {limit:,} values; aliases of aliases multiply",
        "remove the nested aliases, or split the file",
        where,
    )


def too_deep(where: Place, limit: int) -> Problem:
    """Nesting beyond the limit."""
    return Problem(
        "document/too-deep",
        f"the document is nested more than {limit} levels deep",
        f"lists and mappings must be nested at most {limit} levels deep",
        "flatten the structure; look for brackets that are never closed",
        where,
    )


def too_many_problems(where: Place, limit: int) -> Problem:
    """Reading stopped early."""
    return Problem(
        "document/too-many-problems",
        f"reading stopped after {limit:,} problems",
        "",
        "mend these first, then run again",
        where,
    )


def second_document(where: Place) -> Problem:
    """A `---` that begins another document."""
    return Problem(
        "document/several-documents",
        "a second document begins here",
        "a file must hold one YAML document",
        "remove the `---` line, or move what follows it to a file of its own",
        where,
    )
