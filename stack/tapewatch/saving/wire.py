"""What Alertmanager stores: silences and the notification log, as protobuf messages each after its length.

Only what a backup needs is read, and what it does not know stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["KEPT", "Notified", "merged_silences", "notified", "silence_ids"]

KEPT = timedelta(hours=120)
"""How long Alertmanager keeps a silence after its end, unless `--data.retention` says otherwise."""

Notified = tuple[bytes, str, str, int]
"""Group, receiver, integration, and its number among the receiver's."""


def merged_silences(stored: bytes, current: Sequence[Mapping[str, Any]]) -> bytes:
    """Silences as Alertmanager stores them, each as it is at this moment.

    Parameters:
        stored: the file that it wrote last.
        current: what its API tells now; a silence of which the file knows the same stays as it is there.
    """
    records = {_id(record): record for record in _records(stored)}
    for silence in current:
        known = records.get(silence["id"])
        if known is None or _moments(known) != (_moment(silence["updatedAt"]), _moment(silence["endsAt"])):
            records[silence["id"]] = _silence(silence)
    return b"".join(_varint(len(record)) + record for record in records.values())


def silence_ids(stored: bytes) -> list[str]:
    """The ids of the silences in a file."""
    return [_id(record) for record in _records(stored)]


def notified(stored: bytes) -> dict[Notified, datetime]:
    """Who was told of which group, and when, from a file of the notification log."""
    found: dict[Notified, datetime] = {}
    for record in _records(stored):
        entry = dict(_fields(_message(record, 1)))
        receiver = dict(_fields(_bytes(entry.get(2, b""))))
        key = (
            _bytes(entry.get(1, b"")), _bytes(receiver.get(1, b"")).decode(), _bytes(receiver.get(2, b"")).decode(),
            int(receiver.get(3, 0)),
        )  # fmt: skip
        found[key] = _time(_bytes(entry.get(5, b"")))
    return found


def _silence(silence: Mapping[str, Any]) -> bytes:
    ends = _moment(silence["endsAt"])
    matchers = b"".join(_field(2, _matcher(each)) for each in silence["matchers"])
    inner = (
        _text(1, silence["id"]) + matchers + _field(3, _timestamp(_moment(silence["startsAt"])))
        + _field(4, _timestamp(ends)) + _field(5, _timestamp(_moment(silence["updatedAt"])))
        + _text(8, silence["createdBy"]) + _text(9, silence["comment"])
    )  # fmt: skip
    for name, value in (silence.get("annotations") or {}).items():
        inner += _field(10, _text(1, name) + _text(2, value))
    return _field(1, inner) + _field(2, _timestamp(ends + KEPT))


def _matcher(matcher: Mapping[str, Any]) -> bytes:
    kind = (0 if matcher.get("isEqual", True) else 2) + (1 if matcher["isRegex"] else 0)
    return (b"\x08" + _varint(kind) if kind else b"") + _text(2, matcher["name"]) + _text(3, matcher["value"])


def _id(record: bytes) -> str:
    return _bytes(dict(_fields(_message(record, 1))).get(1, b"")).decode()


def _moments(record: bytes) -> tuple[datetime, datetime]:
    silence = dict(_fields(_message(record, 1)))
    updated, ends = (_time(_bytes(silence.get(number, b""))) for number in (5, 4))
    return _whole(updated), _whole(ends)


def _moment(text: str) -> datetime:
    return _whole(datetime.fromisoformat(text).astimezone(UTC))


def _whole(moment: datetime) -> datetime:
    """The API tells milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _timestamp(moment: datetime) -> bytes:
    seconds = int(moment.replace(microsecond=0).timestamp())
    nanoseconds = moment.microsecond * 1000
    return b"\x08" + _varint(seconds) + (b"\x10" + _varint(nanoseconds) if nanoseconds else b"")


def _time(message: bytes) -> datetime:
    fields = dict(_fields(message))
    return datetime.fromtimestamp(int(fields.get(1, 0)), UTC) + timedelta(microseconds=int(fields.get(2, 0)) // 1000)


def _message(record: bytes, number: int) -> bytes:
    return _bytes(dict(_fields(record)).get(number, b""))


def _bytes(value: int | bytes) -> bytes:
    return value if isinstance(value, bytes) else b""


def _records(stored: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(stored):
        length, at = _read_varint(stored, at)
        if at + length > len(stored):
            raise ValueError("it ends in the middle of a record")
        yield stored[at : at + length]
        at += length


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message, by number."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        value: int | bytes
        if tag & 7 == 0:
            value, at = _read_varint(message, at)
        elif tag & 7 == 2:
            length, at = _read_varint(message, at)
            value, at = message[at : at + length], at + length
        else:
            size = {1: 8, 5: 4}.get(tag & 7)
            if size is None:
                raise ValueError(f"a field of kind {tag & 7}")
            value, at = message[at : at + size], at + size
        yield tag >> 3, value


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode()) if text else b""


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data):
            raise ValueError("it ends in the middle of a number")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
