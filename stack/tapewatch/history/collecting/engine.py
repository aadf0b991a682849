"""Runs the collectors over each round."""

from __future__ import annotations

from collections.abc import Sequence

from tapewatch.history.bridge import Round
from tapewatch.history.collecting.host import Host
from tapewatch.plugins import Plugins
from tapewatch_sdk.collectors import Row, Table
from tapewatch_sdk.problems import Problem

__all__ = ["Collectors"]


class Collectors:
    """The collectors of the history.

    Parameters:
        plugins: as `tapewatch.plugins.discover(["tapewatch.collectors"])` gives them; without any: these.
        host: read for each round, for what collectors keep of the host itself.
    """

    def __init__(self, plugins: Plugins | None = None, host: Host | None = None) -> None:
        self.problems: list[Problem] = []

    @property
    def tables(self) -> Sequence[Table]:
        """The tables of all collectors that work."""
        raise NotImplementedError

    def collect(self, found: Round) -> list[Row]:
        """The rows of a round, each with its timestamp; a collector that raises is named in `problems`, once."""
        raise NotImplementedError
