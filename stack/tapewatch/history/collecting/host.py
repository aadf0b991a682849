"""Readings of the host that the history runs on, as one more scrape."""

from __future__ import annotations

from collections.abc import Callable

from tapewatch.history.samples import Scrape

__all__ = ["Host"]


class Host:
    """Reads this host; whoever runs the API says how healthy it is.

    Parameters:
        health: gives the API's state in a word, such as `ready`; None when it is not known.
        alerts: gives how many alerts are active; None when it is not known.
    """

    def __init__(
        self, health: Callable[[], str | None] = lambda: None, alerts: Callable[[], int | None] = lambda: None
    ) -> None:
        self._health = health
        self._alerts = alerts

    def scrape(self, at: float) -> Scrape:
        """The readings of now."""
        raise NotImplementedError
