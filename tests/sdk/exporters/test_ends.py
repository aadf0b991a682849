"""Whole programs: what they push when they end, however they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from sdk.exporters.backend import Backend, series
from support.servers import free_port
from support.waiting import wait_for

BEGIN = """
import os, signal, sys, time
from tapewatch_sdk.exporters import push
from tapewatch_sdk.instruments import MetricsRegistry
registry = MetricsRegistry()
orders = registry.counter("orders")
pushing = push({url!r}, service="job", registry=registry)
"""


def program(url: str, rest: str) -> list[str]:
    return [sys.executable, "-c", BEGIN.format(url=url) + rest]


def ran(url: str, rest: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("GRAFANA_API_KEY", "ENVIRONMENT")}
    return subprocess.run(program(url, rest), capture_output=True, text=True, timeout=60, check=False, env=environment)


def last(backend: Backend, label: str = "") -> float:
    """The newest count that arrived; of one worker, if one is named."""
    found = [
        value
        for body in backend.bodies
        for labels, value, _ in series(body)["orders_total"]
        if labels.get("worker", "") == label
    ]
    return found[-1]


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "raise SystemExit", "os.chdir('/')"])
def test_a_program_that_ends_right_after_its_start_has_pushed_its_last_values(backend: Backend, end: str) -> None:
    done = ran(backend.write, f"orders.inc(7)\n{end}")

    assert (done.returncode, done.stderr) == (0, "")
    assert last(backend) == 7


def test_a_program_that_ends_with_an_exception_has_too(backend: Backend) -> None:
    done = ran(backend.write, "orders.inc(7)\nraise ValueError('over')")

    assert done.returncode == 1
    assert last(backend) == 7


def test_a_program_ends_in_time_though_nobody_is_there() -> None:
    done = ran(f"http://127.0.0.1:{free_port()}/write", "orders.inc(7)")

    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_a_program_ends_in_time_though_nobody_answers(backend: Backend) -> None:
    backend.delay = 50.0

    done = ran(backend.write, "orders.inc(7)")

    assert (done.returncode, done.stderr) == (0, "")


def test_sigterm_is_the_programs_own(backend: Backend) -> None:
    process = subprocess.Popen(program(backend.write, "time.sleep(60)"))
    wait_for("it pushes", lambda: backend.bodies)
    process.send_signal(signal.SIGTERM)

    assert process.wait(30) == -signal.SIGTERM


def test_a_program_that_handles_sigterm_has_pushed_its_last_values(backend: Backend) -> None:
    rest = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\norders.inc(7)\ntime.sleep(60)"
    process = subprocess.Popen(program(backend.write, rest))
    wait_for("it pushes", lambda: backend.bodies)
    before = len(backend.bodies)
    process.send_signal(signal.SIGTERM)

    assert process.wait(30) == 3
    assert len(backend.bodies) > before


def test_a_forked_child_pushes_nothing_of_its_parents(backend: Backend) -> None:
    done = ran(
        backend.write,
        """
pushing.flush()
orders.inc(5)
child = os.fork()
if not child:
    orders.inc(100)
    print(pushing.on, pushing.flush(), pushing.close())
    sys.exit(0)
os.waitpid(child, 0)
""",
    )

    assert (done.stdout, done.stderr) == ("False True True\n", "")
    assert last(backend) == 5
    assert not [body for body in backend.bodies if series(body)["orders_total"][0][1] >= 100]


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_a_worker_of_multiprocessing_pushes_its_own_at_its_end(backend: Backend, tmp_path: object, how: str) -> None:
    code = f"""
import multiprocessing, sys
from tapewatch_sdk.exporters import push
from tapewatch_sdk.instruments import MetricsRegistry

def work(number):
    registry = MetricsRegistry()
    orders = registry.counter("orders")
    push({backend.write!r}, service="job", labels={{"worker": str(number)}}, registry=registry)
    orders.inc(number)

if __name__ == "__main__":
    context = multiprocessing.get_context({how!r})
    workers = [context.Process(target=work, args=(number,)) for number in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.exit(max(worker.exitcode for worker in workers))
"""
    path = f"{tmp_path}/workers.py"
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(code)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert (last(backend, "1"), last(backend, "2")) == (1, 2)
