"""Every exception that tapewatch raises on purpose.

    TapewatchError
    ├── ProblemsError            input is wrong; carries every problem found (exit code 2)
    │   ├── ToolError            a program that we call (promtool, amtool, git) is missing or failed
    │   ├── PluginError          a plugin could not be loaded or does not keep its contract
    │   └── InstrumentError      an instrument is declared wrongly, or in strict mode used wrongly; a ValueError too
    ├── EventsRefusedError       raised by an event sink: it will never take these events
    ├── PointsRefusedError       raised by a connection of an exporter: it will never take this batch
    └── NotNowError              raised by a connection: later, and when; an OSError too

A user's mistake is a `ProblemsError`: the command line prints it without a traceback, and in a service, where nobody
catches it, its notes tell below the traceback how to mend each problem. Anything that is not a `TapewatchError` is a
bug of ours and keeps its traceback. Those that are not defined here are in the modules that raise them.
"""

from __future__ import annotations

from collections.abc import Iterable

from tapewatch_sdk.problems import Problem

__all__ = ["PluginError", "ProblemsError", "TapewatchError", "ToolError"]


class TapewatchError(Exception):
    """Root of all exceptions that tapewatch raises on purpose."""


class ProblemsError(TapewatchError):
    """The input is wrong.

    Parameters:
        problems: all of them, in the order in which they should be read; never empty.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("; ".join(problem.summary for problem in self.problems))
        for problem in self.problems:
            if problem.fix:
                self.add_note(f"{problem.code}: {problem.fix}")


class ToolError(ProblemsError):
    """A program that tapewatch calls is missing, or refused what it was given."""


class PluginError(ProblemsError):
    """A plugin could not be loaded, or broke its contract."""
