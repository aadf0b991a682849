"""Shards: no rule that sees more than one service is left without somebody who sees them all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from tapewatch.catalogue import Catalogue
from tapewatch.rules.resolve import Rule
from tapewatch.sharding.placing import needing_all
from tapewatch_sdk.plugins import API_VERSION, Request
from tapewatch_sdk.problems import Place, Problem

__all__ = ["ShardsCheck"]


class ShardsCheck:
    """With several shards, rules that see more than one service need `stack.long_term`."""

    name = "shards"
    api_version = API_VERSION

    def run(self, request: Request) -> Iterator[Problem]:
        """A finding for each rule that no shard can evaluate, where there is no engine."""
        stack = cast(Catalogue, request.catalogue).stack
        if stack.shard_count == 1 or stack.long_term is not None:
            return
        found = needing_all([rule for rule in request.rules if isinstance(rule, Rule)])
        for (record, _), reason in found.records.items():
            yield _problem(f"recording rule {record}", reason)
        for (alert, _), reason in found.alerts.items():
            yield _problem(f"alert {alert}", reason)


def _problem(subject: str, reason: str) -> Problem:
    return Problem(
        code="shards/needs-engine",
        summary=f"It sees more than one service ({reason}), and every shard has only some of them.",
        must="A rule over several services is evaluated where all of them are: by the engine of `stack.long_term`.",
        fix="Add `long_term` to the catalogue's `stack`, or keep `service` in every part of the rule.",
        where=Place(path=subject),
    )
