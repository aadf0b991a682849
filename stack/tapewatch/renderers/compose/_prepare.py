"""What is made once, before everything else: passwords, keys, tokens, and whose the volumes are."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch.catalogue import Catalogue
from tapewatch.renderers.compose._long_term import long_term_volumes
from tapewatch.renderers.compose._ours import KILL_SWITCH, TOKEN
from tapewatch.renderers.compose._part import KEYS, OURS, RUN, own_volume
from tapewatch.renderers.compose._servers import PASSWORD
from tapewatch.renderers.members import members

__all__ = ["script", "volumes"]

_JAEGER_USER = 10001

_PREPARE = f"""\
umask 022
test -s {PASSWORD} || head -c 24 /dev/urandom | base64 > {PASSWORD}
"""
"""Makes Grafana's password at the first start."""

_PREPARE_JAEGER = f"chown {_JAEGER_USER}:{_JAEGER_USER} /badger\n"
"""Makes Jaeger the owner of its volume: its image has no such folder."""


_THANOS_USER = 1001

_THANOS = "/thanos"
"""Where its volumes are while they get an owner."""

_PREPARE_TOKEN = f"""\
mkdir -p {KILL_SWITCH}
test -s {TOKEN} || (umask 077; head -c 24 /dev/urandom | base64 > {TOKEN})
chown {OURS}:{OURS} {TOKEN}
"""
"""Makes the token of the sample platform's kill switch, which its container alone can read."""

_PREPARE_HISTORY = f"""\
test -s {KEYS}/api-key || head -c 24 /dev/urandom | base64 > {KEYS}/api-key
chown {OURS}:{OURS} {{folders}}
"""
"""Makes the history's key, which its callers alone can read, since they alone have the volume; and its folder."""


def script(catalogue: Catalogue) -> str:
    """The commands, for the shell in Prometheus's image."""
    jaeger = "" if catalogue.stack.traces else _PREPARE_JAEGER
    token = _PREPARE_TOKEN if catalogue.stack.simulate else ""
    engine = "".join(f"chown {_THANOS_USER}:{_THANOS_USER} {_THANOS}/{each}\n" for each in _thanos(catalogue))
    folders = " ".join(f"/history{each.suffix}" for each in members(catalogue.stack, "history"))
    return (
        _PREPARE
        + jaeger
        + engine
        + token
        + (_PREPARE_HISTORY.format(folders=folders) if catalogue.stack.history else "")
    )


def volumes(catalogue: Catalogue) -> Iterator[str]:
    """The volumes that they work on."""
    yield f"secrets:{RUN}"
    if not catalogue.stack.traces:
        yield "jaeger:/badger"
    yield from (f"{name}:{_THANOS}/{name}" for name in _thanos(catalogue))
    if catalogue.stack.simulate:
        yield f"kill-switch:{KILL_SWITCH}"
    if catalogue.stack.history:
        yield f"history-key:{KEYS}"
        for each in members(catalogue.stack, "history"):
            yield own_volume(catalogue, each, f"/history{each.suffix}")


def _thanos(catalogue: Catalogue) -> tuple[str, ...]:
    """Thanos's volumes, whose image has no such folder; Mimir runs as root."""
    engine = catalogue.stack.long_term
    return long_term_volumes(catalogue) if engine and engine.engine == "thanos" else ()
