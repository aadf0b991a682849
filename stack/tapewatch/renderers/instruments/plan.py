"""What both modules declare: the domains of the catalogue, as classes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from tapewatch.catalogue import Catalogue
from tapewatch.renderers.instruments.names import PYTHON_RESERVED, RUST_RESERVED, class_name, identifier
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.families import Family
from tapewatch_sdk.problems import Place, Problem

__all__ = ["DomainPlan", "plan"]

Locate = Callable[[Sequence[str | int]], Place]


@dataclass(frozen=True, slots=True)
class DomainPlan:
    """One domain.

    Parameters:
        name: as the catalogue has it.
        class_name: the class of both languages.
        families: in the catalogue's order.
        budget: series that a family may have. Where the services differ it is the smallest, which breaks no contract.
        differs: whether a service has a larger budget.
    """

    name: str
    class_name: str
    families: tuple[Family, ...]
    budget: int
    differs: bool

    @property
    def description(self) -> str:
        """Two sentences for people. The services are not named: each new one would change both modules."""
        more = "; a service with a larger budget says so" if self.differs else ""
        return f"The families of the domain `{self.name}`. Each keeps up to {self.budget:,} series{more}."


def plan(catalogue: Catalogue, locate: Locate) -> list[DomainPlan]:
    """The domains in the catalogue's order.

    Parameters:
        catalogue: the checked catalogue.
        locate: the place of a path of the catalogue.

    Raises:
        ProblemsError: two names would be one identifier, or a label cannot be one of an instrument.
    """
    domains = [_domain(catalogue, name) for name in catalogue.domains]
    problems = dict.fromkeys(_problems(domains, locate))  # both languages may have the same
    if problems:
        raise ProblemsError(problems)
    return domains


def _domain(catalogue: Catalogue, name: str) -> DomainPlan:
    families = tuple(catalogue.families[family] for family in catalogue.domains[name])
    budgets = [catalogue.services[service].series_budget for service in catalogue.emitters(name)]
    budget = min(budgets, default=catalogue.defaults.series_budget)
    return DomainPlan(name, class_name(name), families, budget, any(each != budget for each in budgets))


def _problems(domains: Sequence[DomainPlan], locate: Locate) -> Iterator[Problem]:
    yield from _same([domain.name for domain in domains], class_name, locate, ("domains",))
    for domain in domains:
        for reserved in (PYTHON_RESERVED, RUST_RESERVED):
            yield from _same_identifier([family.name for family in domain.families], reserved, locate, domain)
        for family in domain.families:
            yield from _labels(family, locate)


def _same_identifier(
    names: Sequence[str], reserved: Collection[str], locate: Locate, domain: DomainPlan
) -> Iterator[Problem]:
    yield from _same(names, lambda name: identifier(name, reserved), locate, ("domains", domain.name))


def _labels(family: Family, locate: Locate) -> Iterator[Problem]:
    path = ("domains", family.domain, family.name, "labels")
    for index, label in enumerate(family.labels):
        if label.startswith("__"):
            yield Problem(
                "instruments/bad-label",
                f"`{label}` cannot be a label of `{family.name}`",
                "a label that a service sets does not begin with `__`",
                "rename the label",
                locate((*path, index)),
            )
    for reserved in (PYTHON_RESERVED, RUST_RESERVED):
        yield from _same(family.labels, lambda name: identifier(name, reserved), locate, path)  # noqa: B023


def _same(
    names: Sequence[str], convert: Callable[[str], str], locate: Locate, path: tuple[str, ...]
) -> Iterator[Problem]:
    """Names that are different in the catalogue, and one in a program."""
    first: dict[str, str] = {}
    for index, name in enumerate(names):
        other = first.setdefault(convert(name), name)
        if other != name:
            yield Problem(
                "instruments/same-name",
                f"`{other}` and `{name}` would both be called `{convert(name)}` in a program",
                "names that are told apart by letters and digits, not by signs and keywords",
                "rename one of the two",
                locate((*path, index if path[-1] == "labels" else name)),
            )
