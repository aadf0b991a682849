"""What must hold so that metrics outlive the disk of a Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tapewatch.catalogue.long_term import LongTerm
from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.thanos import REPLICA, TENANT
from tapewatch.catalogue.validation._report import Check, Path, Report
from tapewatch.schema import seconds

__all__ = ["LONG_TERM_CHECKS"]

_HERE: Path = ("stack", "long_term")

_THINNED = 40 * 3600.0
_THINNED_AGAIN = 240 * 3600.0
"""Seconds after which Thanos thins samples out, and once more."""


def _long_term(catalogue: Catalogue, report: Report) -> None:
    engine = catalogue.stack.long_term
    if engine is not None:
        for check in (_store, _tiers, _thinned, _labels, _image, _place):
            check(catalogue, engine, report)


def _store(_: Catalogue, engine: LongTerm, report: Report) -> None:
    if engine.object_store is None and engine.address is None:
        report(
            "long-term-store",
            _HERE,
            f"{engine.engine} has no object store, and would keep years of metrics on one disk",
            "an engine keeps its blocks in a bucket",
            "add `object_store: {endpoint: HOST:PORT, bucket: NAME, credentials_file: /run/secrets/object-store}`",
            key=True,
        )


def _place(catalogue: Catalogue, engine: LongTerm, report: Report) -> None:
    """Only compose runs the engine; wherever else Prometheus would send to a name that nobody has."""
    for other in ("systemd", "kubernetes"):
        if getattr(catalogue.stack, other) is not None and engine.address is None:
            report(
                "long-term-address",
                _HERE,
                f"`stack.{other}` runs no {engine.engine}: Prometheus would send to a name that nobody has",
                f"with `{other}`, the engine is run by its makers' package or chart, and has an `address`",
                "add `address: ${LONG_TERM_ADDRESS:-HOST:PORT}`, where it is asked and takes samples",
                key=True,
            )


def _tiers(catalogue: Catalogue, engine: LongTerm, report: Report) -> None:
    """Each tier is longer than the one before: what is deleted there must be found in the next one."""
    tiers = (
        ("stack.retention.metrics", catalogue.stack.retention.metrics, ("stack", "retention", "metrics")),
        ("object_store", engine.retention.object_store, (*_HERE, "retention", "object_store")),
        ("archive", engine.retention.archive, (*_HERE, "retention", "archive")),
    )
    for (before, shorter, _), (name, longer, where) in pairwise(tiers):
        if longer is not None and shorter is not None and seconds(longer) <= seconds(shorter):
            report(
                "long-term-tier",
                where,
                f"`{name}` keeps metrics for {longer}, no longer than the {shorter} of `{before}`, the tier before it",
                "each tier keeps metrics longer than the one before: Prometheus, object store, archive",
                f"set more than {shorter}" + (", or remove `archive`" if name == "archive" else ""),
            )


def _thinned(_: Catalogue, engine: LongTerm, report: Report) -> None:
    """Thanos does not start when samples would be gone before they are thinned out."""
    raw, last = engine.retention.object_store, engine.retention.archive or engine.retention.object_store
    name = "archive" if engine.retention.archive else "object_store"
    shortest = (("object_store", raw, _THINNED, "40h"), (name, last, _THINNED_AGAIN, "10d"))
    for tier, duration, least, said in shortest:
        if engine.engine == "thanos" and seconds(duration) <= least:
            report(
                "long-term-tier",
                (*_HERE, "retention", tier),
                f"`{tier}` keeps metrics for {duration}: gone before Thanos thins them out, at {said}",
                "after 40h samples are kept in steps of 5 minutes as well, after 10d in steps of an hour",
                f"set more than {said}",
            )
            return


def _labels(catalogue: Catalogue, engine: LongTerm, report: Report) -> None:
    """Query leaves these labels out: two series that differ in them alone would be one."""
    for label in (REPLICA, TENANT) if engine.engine == "thanos" else ():
        for reason, where in _bearers(catalogue, label):
            report(
                "long-term-label",
                where,
                f"`{label}` is {reason}, and Thanos would leave it out",
                "labels by which Thanos tells its own copies apart are nobody else's",
                "rename it",
                key=True,
            )


def _bearers(catalogue: Catalogue, label: str) -> Iterator[tuple[str, Path]]:
    if label in catalogue.stack.external_labels:
        yield "one of `stack.external_labels`", ("stack", "external_labels", label)
    for name, service in catalogue.services.items():
        if label in service.labels:
            yield f"a label of the service `{name}`", ("services", name, "labels", label)


def _image(catalogue: Catalogue, engine: LongTerm, report: Report) -> None:
    if engine.address is None and engine.engine not in catalogue.stack.images:
        report(
            "missing-image",
            (*_HERE, "engine"),
            f"no version is pinned for {engine.engine}",
            f"with `engine: {engine.engine}`, `stack.images` pins `{engine.engine}` too",
            f"add `{engine.engine}: {{image: ..., version: ...}}` under `stack.images`",
        )


LONG_TERM_CHECKS: tuple[Check, ...] = (_long_term,)
