"""The volume of a server's data is full: what it does then, and that it gets over it once there is room again.

A volume of some megabytes in memory is filled by a file to the last byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from faults.kernel import mounted_volume
from support.stack import Stack, resent_after, running_stack

pytestmark = pytest.mark.needs("prometheus", "alertmanager")

ALERT = "KillSwitchActivated"
OTHER = "CircuitBreakerOpen"

UP = 'up{service="api"}'

FULL = "no space left on device"

CHUNK = 20
"""Samples of a series that Prometheus holds in one piece before it writes them out, in place of 120."""

SIZE = 16_000_000
"""Bytes of a volume."""


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A volume of a test's own."""
    with mounted_volume(tmp_path / "volume", SIZE) as folder:
        yield folder


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A volume for each server."""
    folder = tmp_path_factory.mktemp("volumes")
    with (
        mounted_volume(folder / "prometheus", SIZE) as prometheus,
        mounted_volume(folder / "alertmanager", SIZE) as alertmanager,
    ):
        yield {"prometheus": prometheus, "alertmanager": alertmanager}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, volumes: dict[str, Path]) -> Iterator[Stack]:
    """Both servers on a volume of their own; they store what they have sooner than is usual."""
    with running_stack(
        tmp_path_factory.mktemp("stack"),
        data=volumes,
        prometheus_flags=[resent_after(2), f"--storage.tsdb.samples-per-chunk={CHUNK}"],
        alertmanager_flags=["--data.maintenance-interval=1s"],
    ) as running:
        yield running


def test_an_alertmanager_that_can_store_nothing_delivers_and_after_a_restart_at_least_once(
    stack: Stack, volumes: dict[str, Path]
) -> None:
    errors = "alertmanager_nflog_maintenance_errors_total"
    with _firing(stack, ALERT):
        with _full(volumes["alertmanager"]):
            with _firing(stack, OTHER):
                stack.wait("it says that it cannot store", lambda: stack.metric(stack.alertmanager, errors) > 0)
                assert FULL in stack.alertmanager.log()
                assert stack.told(ALERT) == ["firing"]

            stack.alertmanager.stop()
            stack.alertmanager.start()
            stack.wait("it holds the alert again", lambda: stack.held(ALERT))
            stack.wait_for_groups()
            # The attempt to store its notification log may have emptied what was stored of it before.
            assert stack.told(ALERT) in (["firing"], ["firing", "firing"])

        stored = volumes["alertmanager"] / "nflog"
        stack.wait("it stores its notification log", lambda: stored.stat().st_size > 0)


def test_a_prometheus_that_can_store_nothing_resolves_nothing_and_stores_again_once_it_can(
    volume: Path, tmp_path: Path
) -> None:
    with running_stack(tmp_path, data={"prometheus": volume}) as stack, _firing(stack, ALERT):
        with _full(volume):
            failed = _wal_failures(stack)
            stack.wait("it says that it cannot store", lambda: _wal_failures(stack) > failed + 100)
            stored = stack.samples(f"{UP}[5m]")
            stack.wait("it goes on to say so", lambda: _wal_failures(stack) > failed + 200)
            # What it has is answered, and nothing is added to it.
            assert stack.samples(f"{UP}[5m]") == stored
            # An alert stays as it was (until its last samples are 5 minutes old).
            assert [alert["state"] for alert in stack.alerts(ALERT)] == ["firing"]
            assert stack.told(ALERT) == ["firing"]
            # Whoever looks for it at its health or at its targets does not see it.
            assert FULL in stack.prometheus.log()
            assert _rule_errors(stack)
            assert "Healthy" in stack.prometheus.get("/-/healthy")
            assert {target["health"] for target in stack.scraped()} == {"up"}

        stack.wait("it stores again", lambda: stack.samples(f"{UP}[5m]")[-1] not in stored)
        assert stack.samples(f"{UP}[5m]")[: len(stored)] == stored
        with _firing(stack, OTHER):
            assert stack.told(ALERT) == ["firing"]

        # Where it left a torn record behind, a start repairs its log and loses what was written after that, no more;
        # whether it did depends on where in the file the room ended.
        stack.prometheus.stop()
        stack.prometheus.start()
        stack.wait_until_up()
        assert stack.metric(stack.prometheus, "prometheus_tsdb_wal_corruptions_total") <= 1
        assert stack.samples(f"{UP}[5m]")[: len(stored)] == stored
        stack.wait("its alert is back", lambda: [alert["state"] for alert in stack.alerts(ALERT)] == ["firing"])
        assert stack.told(ALERT) == ["firing"]


def test_a_prometheus_that_must_write_out_samples_ends_and_has_them_all_once_there_is_room(
    stack: Stack, volumes: dict[str, Path]
) -> None:
    stack.wait("there is something to write out", lambda: _unwritten(stack) > 100)
    with _full(volumes["prometheus"]):
        stored = stack.samples(f"{UP}[5m]")
        # Once a minute it looks for what is to be written out.
        stack.wait("it ends", lambda: not stack.prometheus.is_running(), timeout=90)
        assert f"panic: preallocate: {FULL}" in stack.prometheus.log()
        with pytest.raises(AssertionError, match=FULL):
            stack.prometheus.start()

    stack.prometheus.start()
    stack.wait_until_up()
    assert stack.samples(f"{UP}[5m]")[: len(stored)] == stored


@contextmanager
def _firing(stack: Stack, name: str) -> Iterator[None]:
    """An alert fires, is delivered, and is delivered as resolved at the end of the block."""
    series = {ALERT: "risk_kill_switch_active", OTHER: "risk_circuit_breaker_status"}[name]
    stack.targets["risk-manager"].set(series, 1)
    stack.wait(f"{name} is delivered", lambda: stack.told(name) == ["firing"])
    try:
        yield
    finally:
        stack.targets["risk-manager"].set(series, 0)
    stack.wait(f"{name} is delivered as resolved", lambda: stack.told(name)[-1] == "resolved")
    assert stack.told(name).count("resolved") == 1


@contextmanager
def _full(volume: Path) -> Iterator[None]:
    """Not one byte more can be written as long as the block lasts."""
    filler = volume / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1_000_000, 1000, 1):
            with suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    try:
        yield
    finally:
        filler.unlink()


def _wal_failures(stack: Stack) -> float:
    """How often Prometheus could not write to its log of new samples."""
    return stack.metric(stack.prometheus, "prometheus_tsdb_wal_writes_failed_total")


def _unwritten(stack: Stack) -> float:
    """How many full pieces of series Prometheus has in memory alone; besides, each series has one that is not full."""
    chunks = stack.metric(stack.prometheus, "prometheus_tsdb_head_chunks")
    series = stack.metric(stack.prometheus, "prometheus_tsdb_head_series")
    return chunks - series - stack.metric(stack.prometheus, "prometheus_tsdb_mmap_chunks_total")


def _rule_errors(stack: Stack) -> list[str]:
    """What the rules complain of that have something to store."""
    groups = stack.prometheus.get_json("/api/v1/rules")["data"]["groups"]
    errors = [rule.get("lastError", "") for group in groups for rule in group["rules"]]
    return [error for error in errors if FULL in error]
