"""A unit, whole."""

from __future__ import annotations

from collections.abc import Sequence

from tapewatch.catalogue.deployment import Systemd
from tapewatch.renderers.systemd._hardening import hardening
from tapewatch.renderers.systemd._parts import NativePartOf, unit_of
from tapewatch.renderers.systemd._unit import command_line, escaped, unit_text
from tapewatch.schema.types import byte_count

__all__ = ["OURS", "READS", "TARGET", "service_text", "target_text"]

TARGET = "tapewatch.target"

OURS = "X-Tapewatch"
"""Section for `tapewatch systemd install`; systemd passes over it."""

READS = "Reads"
"""Setting there: a file or folder for whose change the unit is told to reload, or restarted where it cannot."""

_TASKS = 512
"""Threads at most; a Go program has some dozens, a history with DuckDB one or two a processor."""

_CALL = (
    "exec 3<>/dev/tcp/{host}/{port}"
    " && printf '{method} {path} HTTP/1.0\\r\\nHost: {host}\\r\\nContent-Length: 0\\r\\n\\r\\n' >&3"
    " && head -n 1 <&3 | grep -q ' 200 '"
)
"""Whether a request is answered with 200, asked with nothing but bash."""

_ASK = f"until ( {_CALL} ) 2>/dev/null; do sleep 0.2; done"
"""Waits until the part answers. None of these programs tells systemd itself that it is ready,
but for Grafana, which does so before its data sources are there."""


def service_text(part: NativePartOf, systemd: Systemd, loaded: Sequence[str], listening: str) -> str:
    """The unit of a part.

    Parameters:
        part: which.
        systemd: the catalogue's settings.
        loaded: values of `LoadCredential=`.
        listening: the address at which it answers.
    """
    given = systemd.memory.get(part.part)
    most = byte_count(given) if given else part.memory * 1048576
    unit = [
        ("Description", f"tapewatch: {part.name}"),
        ("PartOf", TARGET),
        ("Wants", "network-online.target"),
        ("After", " ".join(("network-online.target", *map(unit_of, part.after)))),
        # Without its program a unit is left out, and the others are none the worse for it.
        ("ConditionFileIsExecutable", f"{systemd.programs}/{part.program}"),
        ("StartLimitIntervalSec", "10min"),
        ("StartLimitBurst", "10"),
    ]
    port, path = part.ready
    ask = command_line(
        (
            "/usr/bin/timeout",
            str(part.start),
            "/bin/bash",
            "-c",
            _ASK.format(host=listening, port=port, path=path, method="GET"),
        )
    )
    # Unlike a signal it ends when the configuration is in force, and fails when it was refused.
    reload = command_line(("/bin/bash", "-c", _CALL.format(host=listening, port=port, path="/-/reload", method="POST")))
    service = [
        ("Type", "exec"),
        ("User", f"tapewatch-{part.name}"),
        ("Group", f"tapewatch-{part.name}"),
        *(("LoadCredential", each) for each in loaded),
        *(("Environment", escaped(*each)) for each in (*part.environment, *_go(part, most))),
        ("ExecStart", command_line((f"{systemd.programs}/{part.program}", *part.words))),
        ("ExecStartPost", ask),
        *((("ExecReload", reload),) if part.reloads else ()),
        ("TimeoutStartSec", f"{part.start + 10}s"),
        ("TimeoutStopSec", "1min"),
        ("Restart", "always"),
        ("RestartSec", "2s"),
        ("StateDirectory", f"tapewatch/{part.name}"),
        ("StateDirectoryMode", "0700"),
        ("LogsDirectory", f"tapewatch/{part.name}"),
        ("LogsDirectoryMode", "0700"),
        ("WorkingDirectory", f"/var/lib/tapewatch/{part.name}"),
        ("Slice", "tapewatch.slice"),
        ("MemoryHigh", str(most // 10 * 9)),
        ("MemoryMax", str(most)),
        ("MemorySwapMax", "0"),
        ("CPUQuota", f"{part.quota}%"),
        ("CPUWeight", "20"),
        ("IOWeight", "20"),
        ("TasksMax", str(_TASKS)),
        ("LimitNOFILE", "65536"),
        # When memory is short, what trades is killed last.
        ("OOMScoreAdjust", "500"),
        *((("CPUAffinity", systemd.cores),) if systemd.cores else ()),
        *hardening(host=part.host, among=f"localhost {systemd.network or ''}".strip() if part.local else ""),
    ]
    return unit_text({"Unit": unit, "Service": service, OURS: [(READS, each) for each in part.reads]})


def target_text(names: Sequence[str]) -> str:
    """The unit that starts and stops them all. One that fails does not keep the others from running."""
    unit = [("Description", "tapewatch: the whole stack"), *(("Wants", unit_of(name)) for name in names)]
    return unit_text({"Unit": unit, "Install": [("WantedBy", "multi-user.target")]})


def _go(part: NativePartOf, most: int) -> list[tuple[str, str]]:
    """A Go program collects its garbage before it reaches the limit; Prometheus sees to that itself."""
    if part.part in ("history", "prometheus"):
        return []
    return [("GOMEMLIMIT", str(most // 10 * 8))]
