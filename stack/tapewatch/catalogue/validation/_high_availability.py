"""What must hold so that one of several members can be lost, and so that nobody is told twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from tapewatch.catalogue.high_availability import HighAvailability, Replicated
from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.validation._members import bearers
from tapewatch.catalogue.validation._report import Check, Path, Report
from tapewatch.schema import seconds

__all__ = ["HIGH_AVAILABILITY_CHECKS"]

_HERE: Path = ("stack", "high_availability")

_LATEST = 15.0
"""Seconds after which the last Alertmanager must have told somebody when all before it are lost."""

_OWN_LABELS = frozenset({"environment", "service", "team", "job", "instance", "severity", "alertname", "domain"})
"""Labels by which alerts are told apart and routed."""


def _high_availability(catalogue: Catalogue, report: Report) -> None:
    ha = catalogue.stack.high_availability
    if ha is not None:
        for check in (_label, _peers, _waits, _data):
            check(catalogue, ha, report)


def _label(catalogue: Catalogue, ha: HighAvailability, report: Report) -> None:
    label = ha.replica_label
    if reason := next(_taken(catalogue, label), ""):
        report(
            "replica-label",
            (*_HERE, "replica_label"),
            f"`{label}` is {reason}, and would be dropped from every alert",
            "the Prometheus servers differ in a label that nothing else has",
            "name another one, such as `replica`",
        )


def _taken(catalogue: Catalogue, label: str) -> Iterator[str]:
    if label in _OWN_LABELS:
        yield "a label by which alerts are told apart"
    yield from bearers(catalogue, label)


def _peers(catalogue: Catalogue, ha: HighAvailability, report: Report) -> None:
    wait, where = seconds(ha.peer_timeout), (*_HERE, "peer_timeout")
    severity, interval = _shortest(catalogue)
    last = wait * (ha.alertmanagers - 1)
    if wait == 0:
        report(
            "peer-timeout",
            where,
            "an Alertmanager does not wait for the one before it",
            "longer than 0: otherwise each of them tells everybody of everything",
            "set 3s",
        )
    elif last > min(_LATEST, interval):
        reason = f"`group_interval` of {severity} alerts" if interval < _LATEST else "when a page comes too late"
        report(
            "peer-timeout",
            where,
            f"the last of {ha.alertmanagers} Alertmanagers waits {last:g} s, longer than the"
            f" {min(_LATEST, interval):g} s that are {reason}",
            "`peer_timeout` for each Alertmanager but the first is at most 15s in all, and at most the shortest"
            " `group_interval`",
            f"set {max(1, int(min(_LATEST, interval) / (ha.alertmanagers - 1)))}s or less, or fewer `alertmanagers`",
        )


def _shortest(catalogue: Catalogue) -> tuple[str, float]:
    routing = catalogue.routing
    found = {severity: seconds(routing.timing(severity).group_interval) for severity in routing.by_severity}
    severity = min(found, key=lambda each: found[each])
    return severity, found[severity]


def _waits(_: Catalogue, ha: HighAvailability, report: Report) -> None:
    for key in ("settle_timeout", "reconnect_interval", "reconnect_timeout"):
        if seconds(getattr(ha, key)) == 0:
            report("zero-interval", (*_HERE, key), f"`{key}` is 0", "longer than 0", "set a duration such as 10s")


def _data(catalogue: Catalogue, ha: HighAvailability, report: Report) -> None:
    owners: dict[PurePosixPath, str] = {}
    for part, folders in ha.data.items():
        where: Path = (*_HERE, "data", part)
        count = catalogue.stack.members(part)
        if folders and len(folders) != count:
            report(
                "member-data",
                where,
                f"{len(folders)} folders for {count} members of {part}",
                "each member has a folder of its own, the first one too",
                "give as many folders as members, or none at all",
                key=True,
            )
        for number, folder in enumerate(folders):
            path, owner = PurePosixPath(folder), f"{part} {_which(part, number, ha)}"
            if not path.is_absolute():
                report(
                    "member-data", (*where, number), f"`{folder}` is no whole path", "a path from `/` on",
                    f"write `/srv/{part}`",
                )  # fmt: skip
            shared = next(
                (each for each in owners if path == each or path in each.parents or each in path.parents), None
            )
            if shared is not None:
                report(
                    "shared-volume",
                    (*where, number),
                    f"{owner} keeps its data in `{folder}`, where {owners[shared]} keeps its own",
                    "no two members share a folder: each locks its own, and one lost disk must not take both",
                    "give each its own folder, best on disks of their own",
                )
            owners.setdefault(path, owner)


def _which(part: Replicated, number: int, ha: HighAvailability) -> str:
    """A member's letter, behind the number of its shard if that is not the first."""
    letters = ha.letters(part)
    shard, replica = divmod(number, len(letters))
    return f"{shard}-{letters[replica]}" if shard else letters[replica]


HIGH_AVAILABILITY_CHECKS: tuple[Check, ...] = (_high_availability,)
