"""The suite of checks."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

from tapewatch_sdk.plugins import Request
from tapewatch_sdk.problems import Problem, Severity
from tapewatch_sdk.testing import _engine
from tapewatch_sdk.testing._requested import RequestedSuite
from tapewatch_sdk.testing._saying import hold, skip

__all__ = ["RESERVED", "CheckSuite"]

RESERVED = frozenset(
    {
        "api", "backup", "bridge", "capacity", "catalogue", "collectors", "compose", "dashboards", "document",
        "drill", "embedded", "events", "explain", "exporters", "heartbeat", "history", "init", "instruments",
        "kill-switch", "lineage", "logs", "mutation", "otlp", "panels", "plan", "plugins", "promql", "promtool",
        "proof", "prove", "push", "routing", "rules", "running", "server", "service", "serving", "shards", "simulate",
        "slo", "stack", "store", "systemd", "tool", "tracing", "upload", "verify", "writing",
    }
)  # fmt: skip
"""The areas of tapewatch's own codes, the part before the slash."""

_CODE = re.compile(r"([a-z][a-z0-9-]*)/[a-z0-9]+(-[a-z0-9]+)*")


class CheckSuite(RequestedSuite):
    """What holds for a check: a pure function, whose findings tell a person what to do."""

    group: ClassVar[str] = "tapewatch.checks"
    hook: ClassVar[str] = "run"
    result: ClassVar[str] = "problems"

    def provoke(self, catalogue: dict[str, Any]) -> None:
        """Change a catalogue, as data, so that the check finds something in it; to be overridden.

        It need not where the catalogue of the suite itself has a finding.
        """

    @classmethod
    def answer(cls, plugin: Any, request: Request) -> bytes:
        """The findings of a check; their order does not count, since they are sorted when they are shown."""
        found = [_problem(problem).to_dict() for problem in plugin.run(request)]
        return json.dumps(sorted(json.dumps(each, sort_keys=True) for each in found)).encode()

    def test_it_finds_what_it_is_for(self) -> None:
        plugin = self.made()
        hold(
            self._findings(plugin),
            "it finds nothing, neither in the catalogue of the suite nor in the one that `provoke` has changed",
            "the suite sees at least one finding, or it has nothing to test",
            "override `provoke(self, catalogue)` and break there what the check is to find",
        )

    def test_it_says_nothing_of_what_is_right(self) -> None:
        plugin, request = self.made(), self.request
        self.answered(plugin, request)
        errors = [each for each in plugin.run(request) if each.severity is Severity.ERROR]
        hold(
            not errors,
            f"it finds errors in the catalogue of the suite, which is right:{_engine.told(errors)}\n",
            "an error stops `tapewatch generate`, so that a new project must have none",
            "make it a warning, or override `catalogue` with one that is right by its measure",
        )

    def test_every_code_is_its_own(self) -> None:
        ours = type(self.made()).__module__.partition(".")[0] == "tapewatch"
        for problem in self._some_findings():
            area = match[1] if (match := _CODE.fullmatch(problem.code)) else ""
            hold(
                area and (ours or area not in RESERVED),
                f"the code is {problem.code!r}",
                "a code is `area/kind` in lower case, and the area is none of tapewatch's own",
                "let it begin with the name of the package: `acme/single-target`",
            )

    def test_every_finding_says_what_must_hold_and_how_to_mend_it(self) -> None:
        for problem in self._some_findings():
            hold(
                problem.summary.strip() and problem.must.strip() and problem.fix.strip(),
                f"{problem.code} has summary={problem.summary!r}, must={problem.must!r}, fix={problem.fix!r}",
                "a person reads what is wrong, what must hold and how to mend it",
                "fill in all three",
            )

    def test_every_finding_has_a_place(self) -> None:
        for problem in self._some_findings():
            hold(
                problem.where.path or problem.where.file,
                f"the finding {problem.code} has no place",
                "a person sees where it is",
                'write `where=request.locate(("services", name, ...))`, or `Place(path=...)` with the name of a rule',
            )

    def _findings(self, plugin: Any) -> list[Problem]:
        self.answered(plugin, self.request)
        changed = self.catalogue()
        self.provoke(changed)
        return [*plugin.run(self.request), *plugin.run(_engine.request_of(changed))]

    def _some_findings(self) -> list[Problem]:
        return self._findings(self.made()) or skip("it finds nothing, see test_it_finds_what_it_is_for")


def _problem(given: Any) -> Problem:
    if not isinstance(given, Problem):
        raise TypeError(f"{given!r:.80} is no tapewatch_sdk.problems.Problem")
    return given
