"""What must hold so that services can be spread over several Prometheus, and move from one to another."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.stack import SHARD
from tapewatch.catalogue.validation._members import bearers
from tapewatch.catalogue.validation._report import Check, Report

__all__ = ["SHARDS_CHECKS"]


def _shards(catalogue: Catalogue, report: Report) -> None:
    if catalogue.stack.shard_count > 1:
        for check in (_engine, _label, _systemd):
            check(catalogue, report)
    _before(catalogue, report)


def _engine(catalogue: Catalogue, report: Report) -> None:
    """Without it nobody could ask for all services at once, and rules over several of them would see a part."""
    stack = catalogue.stack
    if stack.long_term is None and stack.kubernetes is None:
        report(
            "shards",
            ("stack", "shards" if stack.shards > 1 else "shards_before"),
            f"{stack.shard_count} shards, and nothing that sees them all",
            "with several shards `stack.long_term` has the engine that is asked for all of them at once",
            "add `long_term: {engine: mimir, object_store: {...}}`, or remove `shards`",
        )


def _label(catalogue: Catalogue, report: Report) -> None:
    if reason := next(_taken(catalogue), ""):
        report(
            "shard-label",
            ("stack", "shards" if catalogue.stack.shards > 1 else "shards_before"),
            f"`{SHARD}` is {reason}, and the label in which shards differ",
            f"nothing else has a label `{SHARD}`",
            "rename that label",
        )


def _taken(catalogue: Catalogue) -> Iterator[str]:
    yield from bearers(catalogue, SHARD)
    if (ha := catalogue.stack.high_availability) and ha.replica_label == SHARD:
        yield "`stack.high_availability.replica_label`"


def _systemd(catalogue: Catalogue, report: Report) -> None:
    if catalogue.stack.systemd is not None:
        report(
            "systemd-members",
            ("stack", "systemd"),
            "native units run one of each part, and `stack.shards` asks for more",
            "`systemd` and `shards` do not stand together",
            "take one of the two away",
            key=True,
        )


def _before(catalogue: Catalogue, report: Report) -> None:
    stack = catalogue.stack
    where = ("stack", "shards_before")
    if stack.shards_before == stack.shards:
        report(
            "shards-before",
            where,
            f"there are {stack.shards} shards, and were as many: no service moves",
            "`shards_before` is how many shards there were before, as long as services move",
            "remove `shards_before`, or set `shards` to how many there shall be",
        )
    if stack.shards_before is not None and stack.kubernetes is not None:
        report(
            "shards-before",
            where,
            "in a cluster the operator spreads the services, and lets none be on two shards",
            "`shards_before` and `kubernetes` do not stand together",
            "remove `shards_before`",
        )


SHARDS_CHECKS: tuple[Check, ...] = (_shards,)
