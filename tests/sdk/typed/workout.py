"""The same done with every family of a catalogue, in Python and in Rust, and what a program then exposes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from support.rendering import render, write
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.instruments import INSTRUMENTS, InstrumentsRenderer
from tapewatch.renderers.instruments.names import PYTHON_RESERVED, RUST_RESERVED, class_name, identifier
from tapewatch_sdk.families import Family, MetricType
from tapewatch_sdk.instruments import MetricsRegistry

__all__ = ["DONE", "Update", "domains_of", "generated", "loaded", "rust_updates", "update", "updates"]

TEXTS = ("BTC-USD", 'a "quoted" \\ text\nof two lines, ü 😀')
"""Label values: a usual one, and one with everything that must be escaped."""

DONE: dict[MetricType, tuple[float, ...]] = {
    MetricType.COUNTER: (1.0, 2.5, 1e7),
    MetricType.GAUGE: (3.0, -1234567.0, 0.00001),
    MetricType.HISTOGRAM: (0.0, 0.3, 5.0, 1e9),
    MetricType.SUMMARY: (0.25, 3.0),
}
"""What is done with each series, in this order."""

METHODS = {
    MetricType.COUNTER: ("inc", "inc_by"),
    MetricType.GAUGE: ("set", "set"),
    MetricType.HISTOGRAM: ("observe", "observe"),
    MetricType.SUMMARY: ("observe", "observe"),
}
"""How it is done: in Python, in Rust."""


class Update(NamedTuple):
    """One call."""

    family: Family
    values: tuple[str, ...]
    amount: float


def updates(families: Iterable[Family]) -> Iterator[Update]:
    """The calls: two series of each family that has labels, and every bound of a histogram."""
    for family in families:
        for shift in range(2 if family.labels else 1):
            values = tuple(TEXTS[(place + shift) % 2] for place in range(len(family.labels)))
            for amount in (*DONE[family.type], *family.buckets):
                yield Update(family, values, amount)


def generated(catalogue: Catalogue, folder: Path) -> Path:
    """The folder of both modules, written below another."""
    return write(render(InstrumentsRenderer(), catalogue), folder) / INSTRUMENTS


def loaded(folder: Path) -> ModuleType:
    """The Python module in a folder, imported afresh."""
    (path,) = folder.glob("*.py")
    spec = util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules.pop(path.stem, None)
    return module


def domains_of(catalogue: Catalogue) -> dict[str, list[Family]]:
    """The families by domain."""
    return {name: [catalogue.families[family] for family in found] for name, found in catalogue.domains.items()}


def update(module: ModuleType, registry: MetricsRegistry, catalogue: Catalogue) -> None:
    """Does it all, in Python."""
    for domain, families in domains_of(catalogue).items():
        made = getattr(module, class_name(domain))(registry)
        for family, values, amount in updates(families):
            series = getattr(made, identifier(family.name, PYTHON_RESERVED))
            if family.labels:
                names = [identifier(label, PYTHON_RESERVED) for label in family.labels]
                series = series.labels(**dict(zip(names, values, strict=True)))
            getattr(series, METHODS[family.type][0])(amount)


def rust_updates(catalogue: Catalogue) -> str:
    """Statements that do it all in Rust, with a `registry: Registry` and `wants: impl Fn(&str) -> bool` in scope."""
    lines = []
    for domain, families in domains_of(catalogue).items():
        lines.append(f"if wants({_rust(domain)}) {{ let made = metrics::{class_name(domain)}::new(&registry);")
        for family, values, amount in updates(families):
            bound = f".labels({', '.join(map(_rust, values))})" if family.labels else ""
            field = identifier(family.name, RUST_RESERVED)
            lines.append(f"made.{field}{bound}.{METHODS[family.type][1]}({amount!r});")
        lines.append("let _ = &made; }")
    return "\n".join(lines)


def _rust(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
