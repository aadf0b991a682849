"""The suite of packs of alert rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from tapewatch_sdk.errors import ProblemsError, ToolError
from tapewatch_sdk.problems import Problem
from tapewatch_sdk.testing import _engine
from tapewatch_sdk.testing._saying import hold, skip
from tapewatch_sdk.testing.suite import Suite

if TYPE_CHECKING:
    from tapewatch.proving.promtool import Promtool
    from tapewatch.rules.packs import LoadedPack
    from tapewatch.rules.resolve import Rule

__all__ = ["RulesSuite"]

_NO_RUNBOOK = "rules/no-runbook"


class RulesSuite(Suite):
    """What holds for a folder of alert rules: whole, without a clash, and proven by the real promtool.

    Needs the extra `stack`. Where promtool is not installed, the tests that run it are skipped, and say so.
    """

    group: ClassVar[str] = "tapewatch.rules"
    mutate: ClassVar[bool] = False
    """Whether each rule is also damaged in every way that is known, which takes some seconds a rule."""

    def catalogue(self) -> dict[str, Any]:
        """The catalogue that the rules are tried with, as data: the sample, unless overridden."""
        return _engine.sample()

    # Tests.

    def test_its_packs_can_be_read(self) -> None:
        problems = [each for each in self._refused() if each.code != _NO_RUNBOOK]
        hold(
            not problems,
            f"a pack is refused:{_engine.told(problems)}\n",
            "every pack is whole: schema, parameters, texts and proof",
            "see docs/rules.md, and `tapewatch check` in a project",
        )

    def test_there_is_a_rule(self) -> None:
        self._readable()
        folder = self.made().folder
        hold(
            any(self._packs()),
            f"there is no rule in {folder / 'packs'}",
            "the folder holds `packs/*.yaml`",
            "write a pack, and see that the package carries its YAML files",
        )

    def test_every_alert_has_its_runbook(self) -> None:
        self._readable()
        lacking = [each for each in self._refused() if each.code == _NO_RUNBOOK]
        hold(
            not lacking,
            f"there are alerts without a runbook:{_engine.told(lacking)}\n",
            "each alert has a page `runbooks/ALERT.md` beside `packs`",
            "write what it means and what to do first",
        )

    def test_every_runbook_is_about_its_alert(self) -> None:
        from tapewatch.rules.packs import runbook_path

        for pack in self._packs():
            for spec in pack.pack.rules:
                path = runbook_path(pack, spec.alert)
                lines = path.read_text(encoding="utf-8").splitlines()
                hold(
                    f"# {spec.alert}" in lines and len([line for line in lines if line.strip()]) > 1,
                    f"{path} has no heading `# {spec.alert}` with text below it",
                    "a runbook says what the alert means and what to do first",
                    "write it, with the alert's name as its title",
                )

    def test_no_other_pack_has_its_alerts_or_its_domain(self) -> None:
        own, plugin = self._packs(), self.made()
        others = _engine.packs_of_others(plugin)
        alerts = Counter(spec.alert for pack in own for spec in pack.pack.rules)
        domains = Counter(pack.pack.domain for pack in own)
        twice = sorted(each for each in alerts if alerts[each] > 1)
        twice += sorted({*alerts} & {spec.alert for pack in others for spec in pack.pack.rules})
        hold(
            not twice,
            f"the alert {', '.join(twice)} is defined elsewhere too",
            "an alert is defined once among all packs that are installed",
            "rename it",
        )
        both = sorted(each for each in domains if domains[each] > 1)
        both += sorted({*domains} & {pack.pack.domain for pack in others})
        hold(
            not both,
            f"the domain {', '.join(both)} has another pack too",
            "a domain is one pack, and one file of rules",
            "give the pack a domain of its own",
        )

    def test_every_query_passes_the_lineage_check(self) -> None:
        rules = self._rules()
        from tapewatch.checks.lineage import LineageCheck
        from tapewatch_sdk.plugins import Request

        catalogue = _engine.request_of(self.catalogue()).catalogue
        found = list(LineageCheck().run(Request(catalogue, rules)))
        hold(
            not found,
            f"the lineage check finds:{_engine.told(found)}\n",
            "every metric, label and type that a rule uses is declared in the catalogue and emitted by a service",
            "correct the expression, or override `catalogue` with one that declares the metric",
        )

    def test_promtool_takes_the_rules(self) -> None:
        rules, promtool = self._rules(), self._promtool()
        found = _checked(rules, promtool)
        hold(
            not found,
            f"promtool refuses the generated rules:{_engine.told(found)}\n",
            "Prometheus can load every rule",
            "correct the expression that it names",
        )

    def test_every_proof_passes_in_promtool(self) -> None:
        rules, promtool = self._rules(), self._promtool()
        if _checked(rules, promtool):
            skip("promtool refuses the rules, see test_promtool_takes_the_rules")
        from tapewatch.proving.proofs import locator, prove

        report = prove(rules, promtool)
        failed = report.problems(locator(self._packs()))
        hold(
            report.cases and not failed,
            f"{len(failed)} of {report.cases} cases fail:{_engine.told(failed)}\n",
            "each rule fires where its proof says so, and nowhere else",
            "correct the rule or the case",
        )

    def test_every_damage_to_a_rule_is_noticed(self) -> None:
        if not self.mutate:
            skip("`mutate` is False")
        rules, promtool = self._rules(), self._promtool()
        from tapewatch.proving.mutation import run_mutation
        from tapewatch.proving.proofs import locator
        from tapewatch.rules.macros import MACROS

        report = run_mutation(rules, promtool)
        # A damaged macro is the business of tapewatch's own packs: every rule that uses it would have to notice.
        own = tuple(mutant for mutant in report.survived if mutant.id.partition(":")[0] not in MACROS)
        survived = list(replace(report, survived=own).problems(locator(self._packs())))
        hold(
            not survived,
            f"a damaged rule passes its proof:{_engine.told(survived)}\n",
            "for every damage that is known a case tells the damaged rule from the right one",
            "add the case",
        )

    # For the tests.

    def _refused(self) -> Sequence[Problem]:
        plugin = self.made()
        _engine.sample()
        from tapewatch.rules.packs import read_packs

        try:
            read_packs(plugin.folder)
        except ProblemsError as error:
            return error.problems
        return ()

    def _readable(self) -> None:
        if any(each.code != _NO_RUNBOOK for each in self._refused()):
            skip("a pack is refused, see test_its_packs_can_be_read")

    def _packs(self) -> tuple[LoadedPack, ...]:
        self._readable()
        if self._refused():
            skip("a runbook is missing, see test_every_alert_has_its_runbook")
        from tapewatch.rules.packs import read_packs

        return read_packs(self.made().folder)

    def _rules(self) -> Sequence[Rule]:
        packs = self._packs()
        if not any(pack.pack.rules for pack in packs):
            skip("there is no rule, see test_there_is_a_rule")
        from tapewatch.rules.resolve import resolve

        catalogue: Any = _engine.request_of(self.catalogue()).catalogue
        return list(resolve([each.pack for each in packs], catalogue))

    def _promtool(self) -> Promtool:
        from tapewatch.proving.promtool import Promtool

        try:
            return Promtool.find()
        except ToolError as error:
            skip(f"promtool is missing: {error.problems[0].summary} ({error.problems[0].fix})")


def _checked(rules: Sequence[Rule], promtool: Promtool) -> Sequence[Problem]:
    import tempfile
    from pathlib import Path

    from tapewatch.documents import dump
    from tapewatch.renderers.rules import rule_group

    with tempfile.TemporaryDirectory(prefix="tapewatch-") as folder:
        path = Path(folder) / "rules.yml"
        path.write_text(dump({"groups": [rule_group("rules", rules)]}), encoding="utf-8")
        return promtool.check_rules([path])
