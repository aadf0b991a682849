"""The base of the generated classes: all families of a domain, in one registry."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from tapewatch_sdk.instruments import MetricsRegistry, default_registry
from tapewatch_sdk.typed._declared import Declared

__all__ = ["Domain"]


class Domain:
    """The families of a domain, each an attribute. What is no family of it is an `AttributeError`.

    All of them are made at once, so that a wrong one is an error when the program starts. A service that emits several
    domains makes an instance of each, on one registry; the same class twice gives the same series.

    Parameters:
        registry: where they are exposed; the SDK's default registry if none is given.
        series_budget: how many series each family keeps; by default what the catalogue says.

    Raises:
        InstrumentError: a name stands for something else in the registry, or its prefix would change it.
    """

    _budget: ClassVar[int] = 1000
    """The default of `series_budget`."""

    def __init__(self, registry: MetricsRegistry | None = None, *, series_budget: int | None = None) -> None:
        within = default_registry() if registry is None else registry
        budget = self._budget if series_budget is None else series_budget
        self.__dict__.update({name: each.bind(within, budget) for name, each in self._declared().items()})

    @classmethod
    def _declared(cls) -> dict[str, Declared[Any]]:
        """The families by the names of their attributes, in the catalogue's order."""
        parents = [vars(parent) for parent in reversed(cls.__mro__)]
        return {name: each for members in parents for name, each in members.items() if isinstance(each, Declared)}

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be set: what it has is what the catalogue declares")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {len(self.__dict__)} families>"
