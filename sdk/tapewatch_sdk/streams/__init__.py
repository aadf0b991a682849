"""Whether a stream arrived whole: gaps in its sequence numbers, and what was received against what was written."""

from tapewatch_sdk.streams.reconciliation import Reconciliation, TableCount
from tapewatch_sdk.streams.tracker import Arrival, ArrivalKind, SequenceTracker, StreamStats
from tapewatch_sdk.streams.trackers import SequenceTrackers

__all__ = [
    "Arrival",
    "ArrivalKind",
    "Reconciliation",
    "SequenceTracker",
    "SequenceTrackers",
    "StreamStats",
    "TableCount",
]
