"""Names of the catalogue as identifiers, in Python and in Rust.

A family keeps its name, so that one search finds it in a program, in a rule and in a dashboard. What no identifier can
hold is changed, in a way that depends on no other name: a family that is added later renames nothing.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection

__all__ = ["PYTHON_RESERVED", "RUST_RESERVED", "class_name", "identifier", "joined", "module_name"]

PYTHON_RESERVED = frozenset({*keyword.kwlist, "typed"})
"""Names that nothing in the Python module may have: keywords, and the module that it imports."""

_RUST_KEYWORDS = (
    "abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen if "
    "impl in let loop macro match mod move mut override priv pub ref return self Self static struct super trait true "
    "try type typeof unsafe unsized use virtual where while yield"
)
"""Of all editions."""

RUST_RESERVED = frozenset({*_RUST_KEYWORDS.split(), "None", "Some", "Ok", "Err"})
"""The same in Rust: keywords, and patterns that everybody has in scope."""

_TAKEN_CLASSES = frozenset({"None", "True", "False", "Self", "Counter", "Gauge", "Histogram", "Summary", "Registry"})
_TAKEN_CLASSES |= {"Metric", "Server"}
"""Names that mean something else in one of the two languages, or in the Rust module."""

_WORD = re.compile(r"[A-Za-z0-9]+")


def identifier(name: str, reserved: Collection[str]) -> str:
    """A family or a label as an identifier.

    Parameters:
        name: letters, digits, `_` and, of a family, `:`; it begins with no digit.
        reserved: what it may not be.
    """
    text = name.replace(":", "__")
    if text.startswith("_"):  # private in Python, unused in Rust
        text = f"x{text}"
    return f"{text}_" if text in reserved else text


def class_name(domain: str) -> str:
    """The class of a domain, which may have any name: `market_data` -> `MarketData`."""
    text = joined([domain])
    if not text or text[0].isdigit():
        text = f"Domain{text}"
    return f"{text}Domain" if text in _TAKEN_CLASSES else text


def joined(names: Collection[str]) -> str:
    """Names in one word, each part with a capital letter: `symbol`, `limit_type` -> `SymbolLimitType`."""
    return "".join(f"{word[0].upper()}{word[1:]}" for name in names for word in _WORD.findall(name))


def module_name(platform: str) -> str:
    """The Python module of a platform: `trading` -> `trading_metrics`."""
    text = f"{platform.replace('-', '_')}_metrics"
    return f"platform_{text}" if text[0].isdigit() else text
