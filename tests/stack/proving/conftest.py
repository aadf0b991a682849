"""Toy rules to prove and to damage."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tapewatch.catalogue import Catalogue
from tapewatch.proving.promtool import Promtool
from tapewatch.rules.packs import LoadedPack, read_packs
from tapewatch.rules.resolve import Rule, parameter_values, resolve_rule

MakeRules = Callable[..., Sequence[Rule]]

_LINKS = cast(
    Catalogue,
    SimpleNamespace(platform=SimpleNamespace(runbook_url="https://runbooks/{alert}", grafana_url="http://grafana")),
)

_HEAD = """\
schema: tapewatch.rules/v1
domain: toy
dashboard: toy
rules:
"""

STRONG = """\
- alert: TooManyWaiting
  severity: high
  for: 10s
  parameters:
    threshold: {default: 10, unit: messages, help: Messages that may wait.}
  expr: sum by (environment, service, team) (toy_waiting{queue="in"}) > ${threshold}
  summary: Messages wait for {{ $labels.service }}
  description: '{{ $value }} messages wait; the limit is ${threshold}.'
  action: Look at what the service does.
  proof:
    cases:
    - name: fires while more wait than may
      covers: [two-services]
      targets:
        busy: {'toy_waiting{queue="in"}': 0x3 6x5 0x5}
        busy@2: {'toy_waiting{queue="in"}': 0x3 5x5 0x5}
        idle: {'toy_waiting{queue="in"}': 1x14}
      fires:
      - {at: 30s, until: 50s, says: {summary: Messages wait for busy, description: 11 messages wait; the limit is 10.}}
    - name: silent at the limit, for another queue, and for too short a time
      covers: [no-traffic, boundary]
      targets:
        busy: {'toy_waiting{queue="in"}': 10x5 11x1 0x5, 'toy_waiting{queue="out"}': 99x20}
"""
"""A rule with a proof that notices every damage."""

WEAK = (
    STRONG.replace("0x3 6x5 0x5", "0x3 50x5 0x5")
    .replace("0x3 5x5 0x5", "0x3 40x5 0x5")
    .replace("11 messages", "90 messages")
    .replace("10x5 11x1 0x5", "1x12")
)
"""The same rule, held only against values that are far away from its limit, and never for too short a time."""


@pytest.fixture
def strong() -> str:
    return STRONG


@pytest.fixture
def weak() -> str:
    return WEAK


@pytest.fixture
def promtool() -> Promtool:
    return Promtool.find(timeout=60)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Sequence[LoadedPack]]:
    """Text of rules -> packs, read as a real pack is."""

    def make(rules: str) -> Sequence[LoadedPack]:
        (tmp_path / "packs").mkdir(exist_ok=True)
        (tmp_path / "runbooks").mkdir(exist_ok=True)
        (tmp_path / "packs" / "toy.yaml").write_text(_HEAD + textwrap.dedent(rules))
        for line in rules.splitlines():
            if line.startswith("- alert: "):
                (tmp_path / "runbooks" / f"{line.removeprefix('- alert: ')}.md").write_text("# Look\n")
        return read_packs(tmp_path)

    return make


@pytest.fixture
def make(read: Callable[[str], Sequence[LoadedPack]]) -> MakeRules:
    """Text of rules -> resolved rules; keyword arguments are other parameter values."""

    def make(rules: str, **values: Any) -> Sequence[Rule]:
        return [
            resolve_rule(each.pack, spec, parameter_values(spec, values), _LINKS)
            for each in read(rules)
            for spec in each.pack.rules
        ]

    return make
