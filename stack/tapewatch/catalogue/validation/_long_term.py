"""What must hold so that metrics outlive the disk of a Prometheus."""

from __future__ import annotations

from tapewatch.catalogue.long_term import LongTerm
from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.validation._report import Check, Path, Report
from tapewatch.schema import seconds

__all__ = ["LONG_TERM_CHECKS"]

_HERE: Path = ("stack", "long_term")


def _long_term(catalogue: Catalogue, report: Report) -> None:
    engine = catalogue.stack.long_term
    if engine is not None:
        for check in (_store, _tiers, _image):
            check(catalogue, engine, report)


def _store(_: Catalogue, engine: LongTerm, report: Report) -> None:
    if engine.object_store is None:
        report(
            "long-term-store",
            _HERE,
            f"{engine.engine} has no object store, and would keep years of metrics on one disk",
            "an engine keeps its blocks in a bucket",
            "add `object_store: {endpoint: HOST:PORT, bucket: NAME, credentials_file: /run/secrets/object-store}`",
            key=True,
        )


def _tiers(catalogue: Catalogue, engine: LongTerm, report: Report) -> None:
    """Each tier is longer than the one before: what is deleted there must be found in the next one."""
    tiers = (
        ("stack.retention.metrics", catalogue.stack.retention.metrics, ("stack", "retention", "metrics")),
        ("object_store", engine.retention.object_store, (*_HERE, "retention", "object_store")),
        ("archive", engine.retention.archive, (*_HERE, "retention", "archive")),
    )
    for (before, shorter, _), (name, longer, where) in zip(tiers, tiers[1:], strict=False):
        if longer is not None and shorter is not None and seconds(longer) <= seconds(shorter):
            report(
                "long-term-tier",
                where,
                f"`{name}` keeps metrics for {longer}, no longer than the {shorter} of `{before}`, the tier before it",
                "each tier keeps metrics longer than the one before: Prometheus, object store, archive",
                f"set more than {shorter}" + (", or remove `archive`" if name == "archive" else ""),
            )


def _image(catalogue: Catalogue, engine: LongTerm, report: Report) -> None:
    if engine.engine not in catalogue.stack.images:
        report(
            "missing-image",
            (*_HERE, "engine"),
            f"no version is pinned for {engine.engine}",
            f"with `engine: {engine.engine}`, `stack.images` pins `{engine.engine}` too",
            f"add `{engine.engine}: {{image: ..., version: ...}}` under `stack.images`",
        )


LONG_TERM_CHECKS: tuple[Check, ...] = (_long_term,)
