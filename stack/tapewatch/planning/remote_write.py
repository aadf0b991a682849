"""Changes of what leaves Prometheus: where to, which samples, and how many may wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tapewatch.planning.changes import Action, Change

__all__ = ["remote_write_changes"]

_Remote = Mapping[str, Any]

_TOLD = frozenset(
    [
        "name", "url", "basic_auth", "authorization", "write_relabel_configs", "queue_config", "capacity", "max_shards",
    ]
)  # fmt: skip
"""Settings that have words of their own."""

_RESTARTED = "what waits is given up when Prometheus reads this"
"""Prometheus begins a queue anew when its settings change, with what is scraped from then on."""


def remote_write_changes(before: Sequence[_Remote], after: Sequence[_Remote], path: str) -> Iterator[Change]:
    """Remote ends gained, lost or changed.

    Parameters:
        before, after: the section `remote_write` of both configurations.
        path: the configuration's file.
    """
    old, new = {each["name"]: each for each in before}, {each["name"]: each for each in after}
    for name in sorted({*old, *new}):
        was, now = old.get(name), new.get(name)
        if was is None and now is not None:
            yield Change("remote write", name, Action.GAINED, f"{_series(now)} to {now['url']}", path)
        elif now is None and was is not None:
            yield Change("remote write", name, Action.LOST, f"nothing goes to {was['url']} any more", path)
        elif was is not None and now is not None and was != now:
            yield Change("remote write", name, Action.CHANGED, ", ".join(_differences(was, now)), path)


def _differences(was: _Remote, now: _Remote) -> Iterator[str]:
    if was["url"] != now["url"]:
        yield f"to {now['url']} instead of {was['url']}"
    if _sign_in(was) != _sign_in(now):
        yield f"signs in {_sign_in(now)} instead of {_sign_in(was)}"
    if _series(was) != _series(now):
        yield f"{_series(now)} instead of {_series(was)}"
    if _held(was) != _held(now):
        yield f"queue of {_held(now)} samples instead of {_held(was)}"
    yield from _settings(was, now)
    yield _RESTARTED


def _settings(was: _Remote, now: _Remote) -> Iterator[str]:
    """What has no words of its own: by its name, with both values where they are short."""
    old, new = ({**each, **each.get("queue_config", {})} for each in (was, now))
    for key in sorted({*old, *new} - _TOLD):
        values = [old.get(key), new.get(key)]
        if values[0] != values[1]:
            is_plain = not any(isinstance(value, dict | list) for value in values)
            yield f"{key} {_word(values[0])} -> {_word(values[1])}" if is_plain else key


def _word(value: Any) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _sign_in(remote: _Remote) -> str:
    if basic := remote.get("basic_auth"):
        return f"as {basic.get('username')} with {basic.get('password_file')}"
    if bearer := remote.get("authorization"):
        return f"with {bearer.get('credentials_file')}"
    return "as nobody"


def _series(remote: _Remote) -> str:
    """Which series leave, in words."""
    parts: dict[str, list[str]] = {"keep": [], "drop": []}
    for each in remote.get("write_relabel_configs", ()):
        label = ", ".join(each.get("source_labels", ()))
        parts.setdefault(each.get("action", "replace"), []).append(
            each.get("regex", "") if label == "__name__" else f"{label}={each.get('regex', '')}"
        )
    kept = f"only {' and '.join(parts['keep'])}" if parts["keep"] else "all samples"
    return f"{kept} but {' and '.join(parts['drop'])}" if parts["drop"] else kept


def _held(remote: _Remote) -> int:
    queue = remote.get("queue_config", {})
    return int(queue.get("capacity", 0)) * int(queue.get("max_shards", 0))
