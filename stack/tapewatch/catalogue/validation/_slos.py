"""What must hold so that an objective can be measured: its families count the right thing, a service emits them."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch.catalogue.model import Catalogue, Service, Slo
from tapewatch.catalogue.validation._report import Check, Path, Report
from tapewatch.schema import nearest, seconds
from tapewatch_sdk.families import MetricType

__all__ = ["SLO_CHECKS"]

_DAY = 86400.0
"""Seconds of the shortest window of an objective; the burn rate over an hour is measured against it."""


def _slos(catalogue: Catalogue, report: Report) -> None:
    for name, service in catalogue.services.items():
        for slo, objective in service.slos.items():
            _slo(catalogue, ("services", name, "slos", slo), objective, service, report)
    for slo, objective in catalogue.slos.items():
        _slo(catalogue, ("slos", slo), objective, None, report)


def _slo(catalogue: Catalogue, path: Path, slo: Slo, service: Service | None, report: Report) -> None:
    counts = [key for key in ("bad", "good") if getattr(slo, key) is not None]
    shape = (slo.total is not None, len(counts), slo.latency is not None)
    if shape not in ((True, 1, False), (False, 0, True)):
        report(
            "slo",
            path,
            f"SLO `{path[-1]}` must count events or measure latency",
            "either `total` with one of `bad` and `good`, or `latency`",
            "keep one of the two forms",
            key=True,
        )
    if seconds(slo.window) < _DAY:
        report(
            "slo",
            (*path, "window"),
            f"the window of SLO `{path[-1]}` is shorter than a day",
            "burn rates are measured over parts of the window",
            "use 7d, 28d or 30d",
        )
    declared = [
        (where, name)
        for where, name, wanted in _named(path, slo)
        if _is_declared(catalogue, where, name, wanted, report)
    ]
    _bound(catalogue, path, slo, declared, report)
    _same_domain(catalogue, path, declared, report)
    if declared:
        _emitted(catalogue, *declared[0], service, report)


def _named(path: Path, slo: Slo) -> Iterator[tuple[Path, str, MetricType]]:
    """The families that an objective names: where, which, and of what type they must be."""
    for key in ("total", "bad", "good"):
        if (name := getattr(slo, key)) is not None:
            yield (*path, key), name, MetricType.COUNTER
    if slo.latency is not None:
        yield (*path, "latency", "family"), slo.latency.family, MetricType.HISTOGRAM


def _is_declared(catalogue: Catalogue, path: Path, name: str, wanted: MetricType, report: Report) -> bool:
    family = catalogue.families.get(name)
    if family is not None and family.type is wanted:
        return True
    near = nearest(name, [each.name for each in catalogue.families.values() if each.type is wanted])
    report(
        "slo",
        path,
        f"`{name}` is no declared {wanted}" + (f"; did you mean `{near}`?" if near else ""),
        f"a {wanted} family of the catalogue",
        f"write `{near}`" if near else "declare the family",
    )
    return False


def _bound(catalogue: Catalogue, path: Path, slo: Slo, declared: list[tuple[Path, str]], report: Report) -> None:
    if slo.latency is None or slo.latency.family not in [name for _, name in declared]:
        return
    bounds = catalogue.families[slo.latency.family].buckets
    if slo.latency.under not in bounds:
        report(
            "slo",
            (*path, "latency", "under"),
            f"{slo.latency.under:g} is no bucket bound of `{slo.latency.family}`",
            f"one of {', '.join(f'{bound:g}' for bound in bounds)}",
            "choose one of them, or add the bound",
        )


def _same_domain(catalogue: Catalogue, path: Path, declared: list[tuple[Path, str]], report: Report) -> None:
    """Two families of one objective are of one domain, so that a service emits both or neither; and they are two."""
    for where, name in declared[1:]:
        first = declared[0][1]
        domain, wanted = catalogue.families[name].domain, catalogue.families[first].domain
        if name == first:
            report(
                "slo",
                where,
                f"SLO `{path[-1]}` counts `{name}` twice",
                "`total` counts all events, `bad` or `good` some of them",
                "name another family",
            )
        elif domain != wanted:
            report(
                "slo",
                where,
                f"`{name}` is of domain `{domain}`, and `{first}` of `{wanted}`",
                "both families of an SLO are of one domain, so that the same services emit them",
                f"name a family of `{wanted}`",
            )


def _emitted(catalogue: Catalogue, path: Path, name: str, service: Service | None, report: Report) -> None:
    domain = catalogue.families[name].domain
    if service is not None and domain not in service.emits:
        report(
            "slo",
            path,
            f"`{path[1]}` does not emit `{name}`",
            f"a service's own SLO is on a family that it emits: {', '.join(service.emits) or 'it emits none'}",
            f"add `{domain}` to its `emits`, or name a family that it emits",
        )
    if service is None and not catalogue.emitters(domain):
        report(
            "slo",
            path,
            f"no service emits `{name}`",
            "an SLO is on a family that a service emits",
            f"let a service emit `{domain}`, or remove the SLO",
        )


SLO_CHECKS: tuple[Check, ...] = (_slos,)
