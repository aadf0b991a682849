"""Drop-ins for the units of the monitored services: right for systemd, and nothing that trading could not stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.machine import Machine
from support.native_host import generate, machine_files, native
from support.rendering import render, varied, write
from tapewatch import layout
from tapewatch.renderers.systemd import SystemdRenderer

pytestmark = pytest.mark.needs("systemd")

OTHERS = """\
[Service]
User=daemon
ExecStartPre=+-/usr/bin/python3 /usr/local/bin/share.py
ExecStart=/usr/bin/python3 /usr/local/bin/feed.py
Type=notify
NotifyAccess=all
CPUAffinity=0
"""
"""A unit as its owner wrote it."""

SHARE = """\
for group, share in (("", 600000), ("/system.slice", 500000), ("/system.slice/md-feed.service", 200000)):
    with open(f"/sys/fs/cgroup/cpu{group}/cpu.rt_runtime_us", "w") as file:
        file.write(str(share))
"""
"""What a kernel with CONFIG_RT_GROUP_SCHED wants besides; others have no such file. A group that was removed a moment
ago still has its share, so there must be room for two."""

FEED = """\
import ctypes, json, mmap, os, pathlib, resource, socket, time
libc = ctypes.CDLL(None, use_errno=True)
said = {"cores": sorted(os.sched_getaffinity(0)), "otlp": os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")}
try:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    said["real time"] = os.sched_getscheduler(0) == os.SCHED_FIFO
except OSError as error:
    said["real time"] = str(error)
said["locked"] = libc.mlockall(3) == 0
try:
    mmap.mmap(-1, 2 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000)
    said["huge"] = True
except OSError as error:
    said["huge"] = error.errno
try:
    pathlib.Path("/usr/written").write_text("")
    said["writes"] = True
except OSError:
    said["writes"] = False
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.sendto(f"STATUS={json.dumps(said)}\\nREADY=1".encode(), os.environ["NOTIFY_SOCKET"])
time.sleep(600)
"""
"""What a service does that trades: real-time scheduling, locked memory, huge pages (of which there may be none: 12)."""


def unit(**settings: Any) -> Any:
    def change(data: dict[str, Any]) -> None:
        native(data)
        data["services"]["market-data"]["unit"] = {"name": "md-feed.service", **settings}

    return change


def system(folder: Path, **settings: Any) -> Path:
    """A system with the owner's unit and our drop-in; without settings without it."""
    files = render(SystemdRenderer(), varied(unit(**settings))) if settings else {}
    made = {path: text for path, text in files.items() if "/md-feed.service.d/" in path}
    assert bool(made) == bool(settings)
    root = write({path.removeprefix(f"{layout.SYSTEMD}/"): text for path, text in made.items()}, folder)
    (root / "etc/systemd/system").mkdir(parents=True, exist_ok=True)
    (root / "etc/systemd/system/md-feed.service").write_text(OTHERS)
    shutil.copytree("/lib/systemd", root / "lib/systemd", symlinks=True)
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/python3").touch(mode=0o755)
    return root


def analyzed(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", f"--root={root}", "--man=no", "--no-pager", *words, "md-feed.service"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def exposure(root: Path) -> float:
    done = analyzed(root, "security", "--offline=true")
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


def told(machine: Machine) -> Any:
    """What the service told systemd when it was ready."""
    return json.loads(machine.run("systemctl", "show", "--value", "--property=StatusText", "md-feed.service"))


ALL = {"cores": "1", "memory": "4GB", "tasks": 64, "files": 65536, "capabilities": ["CAP_NET_RAW"], "telemetry": True}


@pytest.mark.parametrize("hardening", ["none", "light", "full"])
def test_systemd_finds_nothing_wrong_in_a_drop_in(tmp_path: Path, hardening: str) -> None:
    done = analyzed(system(tmp_path, hardening=hardening, **ALL), "verify")

    assert (done.returncode, [line for line in done.stderr.splitlines() if "md-feed" in line]) == (0, [])


def test_each_degree_of_hardening_exposes_less(tmp_path: Path) -> None:
    before = exposure(system(tmp_path / "before"))
    scores = [exposure(system(tmp_path / each, hardening=each)) for each in ("none", "light", "full")]

    assert scores == sorted(scores, reverse=True)
    assert (scores[0], len(set(scores))) == (before, 3)
    assert scores[2] <= 4.5


@pytest.mark.parametrize("hardening", ["light", "full"])
def test_a_service_gets_what_it_is_given_and_goes_on_trading(tmp_path: Path, hardening: str) -> None:
    if not os.environ.get("TAPEWATCH_NIGHTLY"):
        pytest.skip("boots a systemd of its own, which not every machine lets one; TAPEWATCH_NIGHTLY=1 runs it")
    # By capabilities: not on every machine may the systemd of a test raise limits, which are looked at instead.
    able = {"capabilities": ["CAP_SYS_NICE", "CAP_IPC_LOCK"]}
    project = generate(tmp_path / "project", unit(hardening=hardening, **{**ALL, **able}))
    (tmp_path / "feed.py").write_text(FEED)
    (tmp_path / "md-feed.service").write_text(OTHERS)
    (tmp_path / "share.py").write_text(SHARE)
    (tmp_path / "boot").mkdir()
    files = machine_files(tmp_path) | {
        project / "provisioning": "/srv/provisioning",
        tmp_path / "share.py": "/usr/local/bin/share.py",
        tmp_path / "feed.py": "/usr/local/bin/feed.py",
        tmp_path / "md-feed.service": "/etc/systemd/system/md-feed.service",
    }
    with Machine(tmp_path / "boot", files) as machine:
        machine.run("systemctl", "start", "md-feed.service")
        before = told(machine)
        process = machine.run("systemctl", "show", "--value", "--property=MainPID", "md-feed.service")
        said = machine.run("sh", "-c", "cd /srv; tapewatch systemd install --apply", check=False, timeout=300.0)

        assert "stays        md-feed.service: its limits hold at once, the rest from its next start" in said
        assert machine.run("systemctl", "show", "--value", "--property=MainPID", "md-feed.service") == process
        group = machine.run("systemctl", "show", "--value", "--property=ControlGroup", "md-feed.service").strip()
        limits = machine.run("sh", "-c", f"cat /sys/fs/cgroup{group}/memory.max /sys/fs/cgroup/*{group}/pids.max"
                             f" /sys/fs/cgroup/memory{group}/memory.limit_in_bytes 2>/dev/null; true")  # fmt: skip
        assert str(4 << 30) in limits.split()

        machine.run("systemctl", "restart", "md-feed.service")
        after = told(machine)
        raised = machine.run("systemctl", "show", "--property=LimitRTPRIO,LimitMEMLOCK,LimitNICE", "md-feed.service")

    assert raised.split() == ["LimitMEMLOCK=infinity", "LimitNICE=40", "LimitRTPRIO=99"]
    assert before["cores"] == [0]
    assert after == {
        "cores": [1], "otlp": "http://127.0.0.1:4318/v1/traces", "real time": True, "locked": True,
        "huge": before["huge"], "writes": False,
    }  # fmt: skip
