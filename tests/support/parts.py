"""A pytest plugin: tests say which real parts they need, and a missing part is never silent.

    @pytest.mark.needs("promtool", "docker")
    def test_...

A test whose part is missing is skipped, and the part named. When the environment variable `TAPEWATCH_REQUIRE` lists
that part (`docker,promtool`), the test fails instead; and the run fails for a listed part that is missing even if no
test asked for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import yaml

from support.cassandra import CASSANDRA
from support.grafana import HOME, grafana_home
from tapewatch.servers import PROGRAMS, find
from tapewatch_sdk.errors import ToolError

__all__ = ["WITHOUT_STAND_IN", "chromium", "missing", "required", "rustc"]

REQUIRE = "TAPEWATCH_REQUIRE"

CATALOGUE = Path(__file__).parents[2] / "catalogue.yaml"

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

WITHOUT_STAND_IN = ("grafana/grafana", "grafana/alloy")
"""Images that only a registry has; the part `images` is there without them."""

DOCKER_TIMEOUT = 30.0
"""Seconds that a docker daemon may take to answer; one that has just been started takes up to ten."""


def required() -> list[str]:
    """The parts that `TAPEWATCH_REQUIRE` lists."""
    return [part for word in os.environ.get(REQUIRE, "").split(",") if (part := word.strip())]


@cache
def missing(part: str) -> str:
    """Why the part cannot be used on this machine; empty when it can.

    Parameters:
        part: `cassandra`, `docker`, `compose`, `images`, `debian`, `rust`, `chromium`, `grafana`, `systemd`, a program
            such as `promtool`, or a program with a version, such as `promtool-3.5`.

    Raises:
        ValueError: there is no such part.
    """
    if part in _NOT_PROGRAMS:
        return _NOT_PROGRAMS[part]()
    name = next((name for name in PROGRAMS if f"{part}-".startswith(f"{name}-")), None)
    if name is None:
        raise ValueError(
            f"{part!r} is no part that a test can need; parts are {', '.join((*_NOT_PROGRAMS, *PROGRAMS))}"
        )
    try:
        find(name, part.removeprefix(name).removeprefix("-") or None)
    except ToolError as error:
        return "; ".join(f"{problem.summary} ({problem.fix})" for problem in error.problems)
    return ""


def _missing_docker() -> str:
    return _docker("the docker daemon does not answer", "version", "--format", "{{.Server.Version}}")


def _missing_compose() -> str:
    return missing("docker") or _docker("there is no docker compose, run `make images`", "compose", "version")


def _missing_images() -> str:
    images = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))["stack"]["images"].values()
    names = [f"{each['image']}:{each['version']}" for each in images if each["image"] not in WITHOUT_STAND_IN]
    return missing("docker") or _docker("not every image is here, run `make images`", "image", "inspect", *names)


def _missing_debian() -> str:
    if shutil.which("apt-get") and KEYRING.exists():
        return ""
    return f"this machine is no Debian: apt-get or {KEYRING} is not here"


def rustc() -> str | None:
    """The Rust compiler: of PATH, or where rustup puts it."""
    return shutil.which("rustc") or shutil.which("rustc", path=Path.home() / ".cargo/bin")


def chromium() -> str | None:
    """A browser of the Chromium family on PATH."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def _missing_chromium() -> str:
    return "" if chromium() else "there is no chromium, chromium-browser or google-chrome on PATH"


def _missing_grafana() -> str:
    return "" if grafana_home() else f"there is no Grafana in the folder that {HOME} names, and none on PATH"


def _missing_systemd() -> str:
    if os.geteuid() != 0:
        return "booting a systemd in namespaces of its own needs root"
    programs = ("systemd-analyze", "systemctl", "systemd-sysusers", "nsenter", "unshare", "ip")
    missing = [program for program in programs if not shutil.which(program)]
    return f"{', '.join(missing)} not on PATH: install systemd, util-linux and iproute2" if missing else ""


def _missing_cassandra() -> str:
    folder = os.environ.get(CASSANDRA, "")
    if not any(Path(folder).glob("cassandra-all-*.jar") if folder else ()):
        return f"{CASSANDRA} names no folder with the jars of Cassandra (docs/servers.md)"
    return "" if shutil.which("java") else "there is no java on PATH"


def _missing_rust() -> str:
    return "" if rustc() else "the program rustc is neither on PATH nor in ~/.cargo/bin"


def _docker(problem: str, *arguments: str) -> str:
    """Why the docker command fails; empty when it does not."""
    try:
        answer = subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, timeout=DOCKER_TIMEOUT, check=False
        )
    except FileNotFoundError:
        return "the program docker is not on PATH"
    except subprocess.TimeoutExpired:
        return f"`docker {arguments[0]}` did not answer within {DOCKER_TIMEOUT:.0f} s"
    return "" if answer.returncode == 0 else f"{problem}: {answer.stderr.strip()[:200]}"


_NOT_PROGRAMS: dict[str, Callable[[], str]] = {
    "cassandra": _missing_cassandra,
    "docker": _missing_docker,
    "compose": _missing_compose,
    "images": _missing_images,
    "debian": _missing_debian,
    "rust": _missing_rust,
    "chromium": _missing_chromium,
    "grafana": _missing_grafana,
    "systemd": _missing_systemd,
}


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known and refuses a part that does not exist, which would otherwise require nothing."""
    config.addinivalue_line("markers", "needs(*parts): skip by name when one of these real parts is not here")
    try:
        for part in required():
            missing(part)
    except ValueError as error:
        raise pytest.UsageError(f"{REQUIRE}: {error}") from error


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips or fails a test whose parts are not all here."""
    for marker in item.iter_markers("needs"):
        for part in marker.args:
            if reason := missing(part):
                _refuse(part, reason)


def _refuse(part: str, reason: str) -> None:
    if part in required():
        pytest.fail(f"needs {part}, which {REQUIRE} lists: {reason}", pytrace=False)
    pytest.skip(f"needs {part}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails a run that is green although a required part is missing."""
    green = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    if session.exitstatus in green and any(missing(part) for part in required()):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names each required part that is missing, so that the reason for a failed run stands near its end."""
    for part in required():
        if reason := missing(part):
            terminalreporter.write_line(f"{REQUIRE} lists {part}, which is missing: {reason}", red=True)
