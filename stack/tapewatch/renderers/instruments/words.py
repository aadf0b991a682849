"""What both modules write alike: the words that an editor shows of a family, and its buckets."""

from __future__ import annotations

from tapewatch_sdk.families import Family

__all__ = ["bounds", "family_words", "plain"]


def family_words(family: Family) -> str:
    """Its help and its unit: "Last price traded. In usd."."""
    help_ = plain(family.help) or f"A {family.type}"
    sentence = help_ if help_[-1] in ".!?" else f"{help_}."
    return f"{sentence} In {plain(family.unit)}." if family.unit else sentence


def plain(text: str) -> str:
    """A text in one line, without what cannot be seen; it may turn the direction of what stands behind it."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def bounds(family: Family) -> list[str]:
    """The buckets as both languages, and their formatters, write numbers."""
    return [repr(bound).replace("e+", "e") for bound in family.buckets]
