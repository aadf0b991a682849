"""What must hold between the parts of a catalogue, beyond the type of each; one file a part."""

from __future__ import annotations

from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.validation._addresses import ADDRESSES_CHECKS
from tapewatch.catalogue.validation._delivery import DELIVERY_CHECKS
from tapewatch.catalogue.validation._families import FAMILIES_CHECKS
from tapewatch.catalogue.validation._high_availability import HIGH_AVAILABILITY_CHECKS
from tapewatch.catalogue.validation._history import HISTORY_CHECKS
from tapewatch.catalogue.validation._kubernetes import KUBERNETES_CHECKS
from tapewatch.catalogue.validation._logs import LOGS_CHECKS
from tapewatch.catalogue.validation._long_term import LONG_TERM_CHECKS
from tapewatch.catalogue.validation._members import MEMBERS_CHECKS
from tapewatch.catalogue.validation._remote_write import REMOTE_WRITE_CHECKS
from tapewatch.catalogue.validation._report import Check, Report
from tapewatch.catalogue.validation._routing import ROUTING_CHECKS
from tapewatch.catalogue.validation._services import SERVICES_CHECKS
from tapewatch.catalogue.validation._shards import SHARDS_CHECKS
from tapewatch.catalogue.validation._slos import SLO_CHECKS
from tapewatch.catalogue.validation._stack import STACK_CHECKS
from tapewatch.catalogue.validation._systemd import SYSTEMD_CHECKS
from tapewatch.catalogue.validation._traces import TRACES_CHECKS
from tapewatch.documents import Document
from tapewatch_sdk.problems import Problem

__all__ = ["validate"]

_CHECKS: tuple[Check, ...] = (
    *FAMILIES_CHECKS,
    *SERVICES_CHECKS,
    *ADDRESSES_CHECKS,
    *ROUTING_CHECKS,
    *DELIVERY_CHECKS,
    *REMOTE_WRITE_CHECKS,
    *HISTORY_CHECKS,
    *LOGS_CHECKS,
    *SLO_CHECKS,
    *STACK_CHECKS,
    *HIGH_AVAILABILITY_CHECKS,
    *MEMBERS_CHECKS,
    *LONG_TERM_CHECKS,
    *TRACES_CHECKS,
    *KUBERNETES_CHECKS,
    *SYSTEMD_CHECKS,
    *SHARDS_CHECKS,
)


def validate(catalogue: Catalogue, document: Document) -> list[Problem]:
    """Everything that is wrong between the parts of a catalogue, placed in the document that it came from."""
    report = Report(document)
    for check in _CHECKS:
        check(catalogue, report)
    return report.problems
