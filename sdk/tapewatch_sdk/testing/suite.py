"""What the suites of all kinds of plugins have in common."""

from __future__ import annotations

import copy
import inspect
from typing import Any, ClassVar

from tapewatch_sdk.loading import Found, find
from tapewatch_sdk.testing._saying import hold, skip
from tapewatch_sdk.testing._watching import watched

__all__ = ["Suite"]


class Suite:
    """Tests that hold for a plugin of any kind; a suite of one kind adds those of its own.

    A test class of pytest derives from the suite of a kind and names the plugin. A test that has nothing to say because
    another one already fails is skipped, so that one mistake is one failure.
    """

    group: ClassVar[str]
    """The entry point group of this kind."""
    plugin: Any
    """The plugin: a class without parameters, or an object."""
    installed: ClassVar[bool] = True
    """Whether it comes through an entry point; False for one that a program makes by hand."""

    def make(self) -> Any:
        """A fresh plugin; to be overridden where that takes more than a call without arguments."""
        plugin = getattr(self, "plugin", None)
        return plugin() if isinstance(plugin, type) else copy.copy(plugin)

    # Tests.

    def test_it_keeps_the_contract_of_its_kind(self) -> None:
        reason = self._breach()
        hold(
            not reason,
            f"{self._title} is not used: {reason}",
            f"a plugin of `{self.group}` has `name`, `api_version` and every part of its contract",
            "compare it with the contract in tapewatch_sdk.plugins",
        )

    def test_it_is_installed_under_its_own_name(self) -> None:
        if not self.installed:
            skip("`installed` is False: it comes through no entry point")
        plugin = self.made()
        found = [each for each in self._found() if _is_same(each.plugin, plugin)]
        others = ", ".join(
            f"{each.name} ({each.problem.summary if each.problem else each.origin})" for each in self._found()
        )
        hold(
            found,
            f"no entry point of `{self.group}` leads to {self._title}; installed are: {others or 'none'}",
            f"the package names the plugin under `{plugin.name}` in `{self.group}`",
            f'write [project.entry-points."{self.group}"] in pyproject.toml and run `pip install -e .` again',
        )

    def test_its_docstring_says_what_it_adds(self) -> None:
        text = (type(self.made()).__doc__ or "").strip()
        hold(
            text,
            f"{self._title} has no docstring",
            "the first line of the class's docstring is what `tapewatch plugins list` shows",
            "say in one sentence what it adds",
        )

    def test_making_it_touches_nothing(self) -> None:
        if not self.installed:
            skip("`installed` is False: only its own program makes it")
        self.made()
        with watched() as seen:
            self.make()
        hold(
            not seen,
            f"making {self._title} {'; '.join(seen)}",
            "`tapewatch plugins list` makes every plugin, anywhere: that touches no disk and no network",
            "open what it needs when it is first used",
        )

    # For the suites.

    def made(self) -> Any:
        """A fresh plugin that keeps its contract; where it does not, the test is skipped: another one says so."""
        if self._breach():
            skip("it does not keep its contract, see test_it_keeps_the_contract_of_its_kind")
        return self.make()

    @property
    def _title(self) -> str:
        plugin = getattr(self, "plugin", None)
        made = plugin if isinstance(plugin, type) else type(plugin)
        return f"`{made.__qualname__}`"

    def _breach(self) -> str:
        from tapewatch_sdk._contracts import breach, unmakeable

        plugin = getattr(self, "plugin", None)
        if plugin is None and type(self).make is Suite.make:
            return f"{type(self).__name__} has no `plugin`"
        own_way = type(self).make is not Suite.make
        if inspect.isclass(plugin) and not own_way and (reason := unmakeable(self.group, plugin)):
            return reason
        try:
            return breach(self.group, self.make())
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever a plugin raises is its author's to see
            return f"making it raised {type(error).__name__}: {error}"

    def _found(self) -> list[Found]:
        return find(self.group)


def _is_same(found: Any, plugin: Any) -> bool:
    return type(found) is type(plugin) and found.name == plugin.name
