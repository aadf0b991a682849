"""What holds for every plugin that is given a `Request`: renderers, packs of dashboards, checks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from tapewatch_sdk.plugins import Request
from tapewatch_sdk.testing import _engine
from tapewatch_sdk.testing._saying import hold, skip
from tapewatch_sdk.testing._watching import watched
from tapewatch_sdk.testing.suite import Suite

__all__ = ["RequestedSuite"]


class RequestedSuite(Suite):
    """Tests of a plugin that is a pure function of a `Request`. Needs the extra `stack`."""

    hook: ClassVar[str]
    """The method of the contract."""
    result: ClassVar[str]
    """What it answers, in the plural."""

    def catalogue(self) -> dict[str, Any]:
        """The catalogue that the plugin is tried with, as data: the sample, unless overridden."""
        return _engine.sample()

    @classmethod
    def answer(cls, plugin: Any, request: Request) -> bytes:
        """All that a plugin answers, as bytes that can be compared."""
        raise NotImplementedError

    # Tests.

    def test_it_answers_for_the_catalogue(self) -> None:
        plugin, request = self.made(), self.request
        self._must_answer(plugin, request, "for the catalogue of the suite")

    def test_the_same_request_gets_the_same_bytes(self) -> None:
        plugin, request = self.made(), self.request
        first, again = self.answered(plugin, request), self.answered(plugin, request)
        fresh = self.answered(self.make(), request)
        hold(
            first == again == fresh,
            f"`{self.hook}` answered one request differently: {_differs(first, fresh if first == again else again)}",
            "the same request gives the same bytes, however often and whoever asks",
            "keep no state between two calls, and take neither time nor chance into the answer",
        )

    def test_another_process_gets_the_same_bytes(self) -> None:
        here = self.answered(self.made(), self.request)
        if not self.installed:
            skip("`installed` is False: another process cannot find it")
        name = self.make().name
        if name not in {each.name for each in self._found() if each.plugin is not None}:
            skip("it is not installed, see test_it_is_installed_under_its_own_name")
        suite = next(each for each in type(self).__mro__ if each.__module__.startswith("tapewatch_sdk."))
        there = _engine.elsewhere(self.group, name, f"{suite.__module__}:{suite.__name__}", self.catalogue())
        hold(
            here == there,
            f"another process answered the same request differently: {_differs(here, there)}",
            "the same request gives the same bytes on any machine, in any folder, time zone and language",
            "sort what comes from a set, and read nothing from the environment",
        )

    def test_the_order_of_the_services_does_not_matter(self) -> None:
        request = self.request
        as_written = self.answered(self.made(), request)
        turned = self.answered(self.made(), _engine.shuffled(request))
        hold(
            as_written == turned,
            f"services in another order give another answer: {_differs(as_written, turned)}",
            "services are written in any order, and the answer is the same",
            "sort them by name",
        )

    def test_it_touches_neither_disk_nor_network(self) -> None:
        request, plugin = self.request, self.made()
        self.answered(plugin, request)
        with watched() as seen:
            self.answered(plugin, request)
        hold(
            not seen,
            f"`{self.hook}` {'; '.join(dict.fromkeys(seen))}",
            "it is a pure function: all that it needs stands in the request",
            "leave reading and writing to tapewatch",
        )

    def test_it_leaves_the_request_as_it_was(self) -> None:
        request, plugin = self.request, self.made()
        before = _as_text(request)
        self.answered(plugin, request)
        hold(
            _as_text(request) == before,
            f"`{self.hook}` changed what it was given: {_differs(before.encode(), _as_text(request).encode())}",
            "every plugin is given the same request, so that nobody may change it",
            "copy what you change: `dict(...)`, `copy.deepcopy(...)`",
        )

    def test_it_survives_a_catalogue_without_services(self) -> None:
        self._survives(_engine.empty, "for a catalogue without services and families")

    def test_it_survives_odd_names_and_texts(self) -> None:
        self._survives(_engine.odd, "for services with odd names and texts, which are valid")

    # For the suites.

    @property
    def request(self) -> Request:
        """What the plugin is given."""
        return _engine.request_of(self.catalogue())

    def answered(self, plugin: Any, request: Request) -> bytes:
        """What a plugin answers; where it raises, the test is skipped: another one says so."""
        try:
            return self.answer(plugin, request)
        except Exception as error:  # noqa: BLE001 -- whatever it raises
            skip(f"`{self.hook}` raises {type(error).__name__}, see test_it_answers_for_the_catalogue")

    def _survives(self, change: Callable[[Mapping[str, Any]], dict[str, Any]], when: str) -> None:
        plugin = self.made()
        self.answered(plugin, self.request)
        self._must_answer(plugin, _engine.request_of(change(self.catalogue())), when)

    def _must_answer(self, plugin: Any, request: Request, when: str) -> None:
        try:
            self.answer(plugin, request)
        except Exception as error:
            raise AssertionError(
                f"`{self.hook}` raised {when}: {type(error).__name__}: {error}\n"
                f"  must hold: it answers with {self.result}, perhaps none, for every valid catalogue\n"
                "  fix: the traceback above leads to the line"
            ) from error


def _differs(first: bytes, second: bytes) -> str:
    """Where two answers begin to differ."""
    one, other = (each.decode("utf-8", "backslashreplace") for each in (first, second))
    at = next(
        (index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )
    start = max(at - 40, 0)
    return f"...{one[start : at + 60]!r} and ...{other[start : at + 60]!r}"


def _as_text(request: Request) -> str:
    catalogue: Any = request.catalogue
    boards = [[board.uid, board.folder, board.model] for board in request.dashboards]
    rules = [repr(rule) for rule in request.rules]
    return json.dumps([catalogue.model_dump(mode="json"), rules, boards], default=repr)
