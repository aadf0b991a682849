"""Whether an object keeps the contract of its group of plugins: its parts, and what they look like."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Generic, Protocol

from tapewatch_sdk.collectors import Collector, Column, ColumnType, Table
from tapewatch_sdk.contract import API_VERSION
from tapewatch_sdk.plugins import GROUPS

__all__ = ["breach", "unmakeable"]

_SQL_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_FIRST = Column("timestamp", ColumnType.TIMESTAMP)


def unmakeable(group: str, made: type) -> str:
    """Why a class cannot be called without arguments; empty when it can."""
    lacking = sorted(getattr(made, "__abstractmethods__", ()))
    if lacking:
        return f"it lacks a part of the contract {_contract(group)}: `{lacking[0]}`"
    try:
        inspect.signature(made).bind()
    except TypeError as error:
        return f"its class cannot be made without arguments ({error}): give them defaults, or name an object"
    except ValueError:
        return ""  # a class whose signature nobody knows; it may well work
    return ""


def breach(group: str, plugin: Any, name: str | None = None) -> str:
    """Why an object does not keep its group's contract; empty when it does.

    Parameters:
        group: entry point group.
        plugin: the object.
        name: the name of its entry point, where it has one.
    """
    return next(_breaches(group, plugin, name), "")


def _breaches(group: str, plugin: Any, name: str | None) -> Iterator[str]:
    version = getattr(plugin, "api_version", None)
    if version != API_VERSION:
        yield f"it was written for version {version} of the plugin contract, this is version {API_VERSION}"
    own = getattr(plugin, "name", None)
    if not isinstance(own, str) or not own:
        yield "it has no `name`"
    elif name is not None and own != name:
        yield f"its `name` is `{own}`, and its entry point is called `{name}`: they must be the same"
    if group == "tapewatch.collectors" and not isinstance(plugin, Collector):
        yield f"it does not derive from {_contract(group)}"
    yield from _lacking(group, plugin)
    if group == "tapewatch.rules" and not (isinstance(plugin.folder, Path) and plugin.folder.is_dir()):
        yield f"its `folder` is no pathlib.Path of a folder: {plugin.folder!r}"
    if isinstance(plugin, Collector):
        yield from _of_collector(plugin)


def _contract(group: str) -> str:
    return f"tapewatch_sdk.plugins.{GROUPS[group].__name__}"


def _lacking(group: str, plugin: Any) -> Iterator[str]:
    """The parts that are missing, or that are methods with other parameters."""
    contract = GROUPS[group]
    for member in _members(contract):
        if not hasattr(plugin, member):
            yield f"it lacks a part of the contract {_contract(group)}: `{member}`"
            continue
        method = getattr(contract, member, None)
        if inspect.isfunction(method):
            wanted = list(inspect.signature(method).parameters)[1:]
            if not _takes(getattr(plugin, member), len(wanted)):
                yield f"its `{member}` cannot be called as `{member}({', '.join(wanted)})`"


def _members(contract: type) -> list[str]:
    """The names of a contract's public parts, in the order in which they stand there."""
    bases = [base for base in contract.__mro__ if base not in (object, Protocol, Generic)]
    found = [name for base in reversed(bases) for name in {**inspect.get_annotations(base), **vars(base)}]
    return [name for name in dict.fromkeys(found) if not name.startswith("_")]


def _takes(method: Any, count: int) -> bool:
    if not callable(method):
        return False
    try:
        inspect.signature(method).bind(*range(count))
    except TypeError:
        return False
    except ValueError:
        return True  # one whose signature nobody knows
    return True


def _of_collector(collector: Collector) -> Iterator[str]:
    reads: Any = collector.reads
    tables: Any = collector.tables
    if not isinstance(reads, tuple) or not all(isinstance(each, str) for each in reads):
        yield "its `reads` is no tuple of names"
    else:
        yield from (f"it reads `{each}`, which no metric can be called" for each in reads if not _is_metric(each))
    if not isinstance(tables, tuple) or not all(isinstance(each, Table) for each in tables):
        yield "its `tables` is no tuple of tapewatch_sdk.collectors.Table"
        return
    yield from _twice("it has the table", [table.name for table in tables])
    for table in tables:
        yield from _of_table(table)


def _of_table(table: Table) -> Iterator[str]:
    columns = [column.name for column in table.columns]
    for name in (table.name, *columns):
        if not _SQL_NAME.fullmatch(name):
            yield f"`{name}` of its table `{table.name}` is no plain SQL name in lower case"
    if table.columns[:1] != (_FIRST,):
        yield f"the first column of its table `{table.name}` is not `timestamp`, a TIMESTAMP"
    yield from _twice(f"its table `{table.name}` has the column", columns)
    kinds: dict[str, Any] = {column.name: column.type for column in table.columns}
    for name, kind in kinds.items():
        if not isinstance(kind, ColumnType):
            yield f"the type of `{name}` in its table `{table.name}` is no ColumnType"
    for key in table.key:
        if key not in columns:
            yield f"the key of its table `{table.name}` names `{key}`, which is no column of it"


def _twice(what: str, names: list[str]) -> Iterator[str]:
    for name in dict.fromkeys(each for each in names if names.count(each) > 1):
        yield f"{what} `{name}` twice"


def _is_metric(name: str) -> bool:
    return _METRIC_NAME.fullmatch(name) is not None
