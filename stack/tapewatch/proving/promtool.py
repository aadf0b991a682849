"""Runs promtool: checks of rule and configuration files, and unit tests with a result for each case."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree

from tapewatch import servers
from tapewatch.proving.secrets import with_secrets
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["CaseResult", "Promtool"]

TIMEOUT = 300.0
"""Seconds that one run may take. The slowest over the sample takes some ten; a run that hangs takes for ever."""

_ENVIRONMENT = {"GOGC": "400"}
"""Go collects garbage less often: unit tests take a quarter less time, and some 100 MB instead of 60."""

_PASSED, _FAILED, _LINT = 0, 1, 3
_SAID = 400
"""Characters of promtool's own output that a problem quotes."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of one unit test.

    Parameters:
        name: the test's name in its file.
        failures: what promtool said, one text for each expectation that was not met; empty when it passed.
    """

    name: str
    failures: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.failures


@dataclass(frozen=True, slots=True)
class Promtool:
    """A promtool on this machine.

    Parameters:
        path: the executable.
        timeout: seconds after which a run is given up.
        environment: variables that its runs get besides those of this process.
    """

    path: Path
    timeout: float = TIMEOUT
    environment: Mapping[str, str] = field(default_factory=lambda: _ENVIRONMENT)

    @classmethod
    def find(cls, version: str | None = None, timeout: float = TIMEOUT) -> Promtool:
        """The promtool of this machine, or the one of a version such as `3.5`.

        Raises:
            ToolError: there is none.
        """
        return cls(servers.find("promtool", version).path, timeout)

    def check_rules(self, files: Sequence[Path]) -> tuple[Problem, ...]:
        """What promtool finds wrong in rule files."""
        return self._check("check", "rules", *map(str, files)) if files else ()

    def check_config(self, file: Path) -> tuple[Problem, ...]:
        """What promtool finds wrong in a `prometheus.yml` and in the files that it names, but for absent secrets."""
        if not file.is_file():
            return self._check("check", "config", str(file))
        with with_secrets(file) as whole:
            found = self._check("check", "config", str(whole))
        return tuple(replace(each, summary=each.summary.replace(str(whole), str(file))) for each in found)

    def test(self, file: Path) -> tuple[CaseResult, ...]:
        """Run a file of unit tests; the rule files that it names are found from its folder.

        Raises:
            ToolError: promtool could not be started, hung or crashed.
        """
        with tempfile.TemporaryDirectory(prefix="tapewatch-") as folder:
            report = Path(folder) / "junit.xml"
            done = self.run("test", "rules", f"--junit={report}", str(file))
            results = _results(report)
        if done.returncode != _PASSED and all(result.passed for result in results):
            return (*results, CaseResult(str(file), (_output(done).removeprefix("FAILED:").strip(),)))
        return results

    def run(self, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run promtool to its end; it may find fault with its input (exit code 1 or 3).

        Parameters:
            arguments: its command line.
            folder: where it runs, and where it keeps what it writes in between.

        Raises:
            ToolError: it could not be started, hung or crashed.
        """
        environment = {**os.environ, **self.environment, **({"TMPDIR": str(folder)} if folder else {})}
        command = [str(self.path), *arguments]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace",
                timeout=self.timeout, check=False, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            raise ToolError([self._not_started(error)]) from error
        except subprocess.TimeoutExpired:
            raise ToolError([self._hung(arguments)]) from None
        if done.returncode not in (_PASSED, _FAILED, _LINT):
            raise ToolError([self._crashed(arguments, done)])
        return done

    def _check(self, *arguments: str) -> tuple[Problem, ...]:
        done = self.run(*arguments)
        if done.returncode == _PASSED:
            return ()
        return tuple(_refused(line) for line in _complaints(_output(done))) or (_refused(_output(done)[:_SAID]),)

    def _not_started(self, error: OSError) -> Problem:
        return Problem(
            code="tool/missing",
            summary=f"{self.path} could not be started: {error.strerror or error}",
            must="promtool must be an executable that this user may run",
            fix="run `make servers`, or set TAPEWATCH_PROMTOOL=/path/to/promtool",
            where=Place(file=str(self.path)),
        )

    def _hung(self, arguments: Sequence[str]) -> Problem:
        return Problem(
            code="tool/timeout",
            summary=f"promtool {_short(arguments)} did not end within {self.timeout:g} s and was stopped",
            must=f"a run of promtool ends within {self.timeout:g} s",
            fix="look at what else keeps this machine busy, or whether a case has hundreds of thousands of samples",
            where=Place(file=str(self.path)),
        )

    def _crashed(self, arguments: Sequence[str], done: subprocess.CompletedProcess[str]) -> Problem:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        said = _output(done)[:_SAID] or "nothing"
        return Problem(
            code="tool/crashed",
            summary=f"promtool {_short(arguments)} ended with {how}; it said: {said}",
            must="promtool ends with exit code 0, 1 or 3",
            fix=f"check that {self.path} is a promtool 3, and that memory and disk were not exhausted",
            where=Place(file=str(self.path)),
        )


def _results(report: Path) -> tuple[CaseResult, ...]:
    """The cases of a JUnit report; none when promtool wrote no report, or a broken one."""
    try:
        tree = ElementTree.parse(report)  # noqa: S314 - written by promtool a moment ago
    except (OSError, ElementTree.ParseError):
        return ()
    return tuple(_result(suite.get("name", ""), case) for suite in tree.iter("testsuite") for case in suite)


def _result(file: str, case: ElementTree.Element) -> CaseResult:
    """A case as JUnit has it; an error is one of the whole file, which could not be read."""
    failures = tuple((each.text or "").strip() for each in case if each.tag in ("failure", "error"))
    return CaseResult(file if case.find("error") is not None else case.get("name", ""), failures)


def _output(done: subprocess.CompletedProcess[str]) -> str:
    return f"{done.stdout}\n{done.stderr}".strip()


def _complaints(output: str) -> Iterable[str]:
    """The lines that say what is wrong, without promtool's headings and without what it liked."""
    lines = dict.fromkeys(line.strip() for line in output.splitlines())
    return [line for line in lines if line and not line.startswith(("Checking", "SUCCESS", "FAILED:"))] or [
        line.removeprefix("FAILED:").strip() for line in lines if line.startswith("FAILED:") and line != "FAILED:"
    ]


def _refused(line: str) -> Problem:
    file = line.split(":", 1)[0] if ".yml:" in line or ".yaml:" in line else ""
    return Problem(
        code="promtool/refused",
        summary=f"promtool: {line}",
        must="Prometheus can load every generated file",
        fix="correct the rule or the setting that it names; if it is none of yours, report a bug in tapewatch",
        where=Place(file=file),
    )


def _short(arguments: Sequence[str]) -> str:
    """The command line without the folders that it names."""
    return " ".join(Path(each).name if "/" in each else each for each in arguments if not each.startswith("--"))
