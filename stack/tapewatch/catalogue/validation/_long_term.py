"""What must hold so that metrics outlive the disk of a Prometheus."""

from __future__ import annotations

from itertools import pairwise

from tapewatch.catalogue.long_term import LongTerm
from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.validation._report import Check, Path, Report
from tapewatch.schema import seconds

__all__ = ["LONG_TERM_CHECKS"]

_HERE: Path = ("stack", "long_term")


def _long_term(catalogue: Catalogue, report: Report) -> None:
    engine = catalogue.stack.long_term
    if engine is not None:
        for check in (_store, _tiers, _image, _place):
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
