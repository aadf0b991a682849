"""The quick start, and the page about services: each program and command is run, and prints what the page shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from docs.pages import Page, page
from docs.test_examples import matches
from sdk.tracing.otlp_receiver import OtlpReceiver
from support.samples import SAMPLE
from support.servers import free_port
from support.waiting import wait_for

QUICK_START = page("sdk/quick-start.md")
LONGEST = 80
"""Lines of a quick start that is a page long."""


def blocks(one: Page, language: str) -> list[str]:
    return [block.text for block in one.blocks if block.language == language]


class Session:
    """The reader's shell: a folder with the program and the catalogue, on ports of its own.

    Parameters:
        folder: the folder.
        env: environment variables.
        others: what the page writes, and what stands for it here: ports, mostly.
    """

    def __init__(self, folder: Path, env: Mapping[str, str], others: Mapping[str, str]) -> None:
        self._folder = folder
        self._others = others
        programs = folder / "programs"
        programs.mkdir()
        for name, module in {"python": "", "tapewatch": "-m tapewatch.cli "}.items():
            (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {module}"$@"\n')
            (programs / name).chmod(0o755)
        self._env = {**os.environ, **env, "PATH": f"{programs}:{os.environ['PATH']}", "COLUMNS": "80", "NO_COLOR": "1"}
        # Some turns a second instead of one, so that enough of them is sampled.
        (code,) = blocks(QUICK_START, "python")
        (folder / "limit_checker.py").write_text(self.put(code).replace("time.sleep(1)", "time.sleep(0.02)"))
        self.log = folder / "limit_checker.log"

    def put(self, text: str) -> str:
        for written, here in self._others.items():
            text = text.replace(written, here)
        return text

    @contextmanager
    def running(self, script: str = "python limit_checker.py") -> Iterator[subprocess.Popen[bytes]]:
        """A script whose last command is the program, which is ended by SIGTERM."""
        *before, last = self.put(script).strip().splitlines()
        command = ["bash", "-c", "\n".join([*before, f"exec {last}"])]
        with self.log.open("w") as log:
            process = subprocess.Popen(command, cwd=self._folder, env=self._env, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for("it logs", lambda: "limit nearly" in self.log.read_text(), log=self.log.read_text)
            yield process
        finally:
            process.terminate()
            process.wait(60)

    def run(self, script: str) -> str:
        done = subprocess.run(
            ["bash", "-c", self.put(script)], cwd=self._folder, env=self._env, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as running:
        yield running


@pytest.fixture
def session(tmp_path: Path, receiver: OtlpReceiver) -> Session:
    port = str(receiver.port)
    others = {"9098": str(free_port()), ":4318/": f":{port}/", ":3100/otlp/": f":{port}/"}
    return Session(tmp_path, {}, others)


def test_it_is_a_page_long() -> None:
    assert len(QUICK_START.text.splitlines()) <= LONGEST


def test_what_is_asked_with_curl_is_what_the_page_shows(session: Session) -> None:
    script, shown = blocks(QUICK_START, "sh")[0], blocks(QUICK_START, "text")[0]

    with session.running() as process:
        printed = session.run(script)

    assert matches(printed, shown), printed
    assert process.returncode == -15


def test_span_and_log_line_arrive_under_one_id(session: Session, receiver: OtlpReceiver) -> None:
    script, shown = blocks(QUICK_START, "sh")[1], session.put(blocks(QUICK_START, "text")[1])

    with session.running(script):
        wait_for("a trace is kept and sent", lambda: receiver.spans and receiver.records, log=session.log.read_text)

    assert matches("\n".join(session.log.read_text().splitlines()[:2]), shown), session.log.read_text()
    ids = {record.get("traceId") for record in receiver.records}
    assert {one["traceId"] for one in receiver.spans} <= ids
    resources = [sent["resource"] for sent in (*receiver.spans, *receiver.records)]
    assert {(each["service"], each["team"], each["environment"]) for each in resources} == {
        ("limit-checker", "risk", "production")
    }


def test_the_catalogue_takes_it_and_verify_is_content(session: Session, tmp_path: Path) -> None:
    (added,) = blocks(QUICK_START, "yaml")
    catalogue = yaml.safe_load(SAMPLE)
    for part, more in yaml.safe_load(added).items():
        assert not catalogue[part].keys() & more.keys()
        catalogue[part].update(more)
    (tmp_path / "catalogue.yaml").write_text(yaml.safe_dump(catalogue, sort_keys=False))

    with session.running():
        printed = session.run(blocks(QUICK_START, "sh")[2])

    assert matches(printed, session.put(blocks(QUICK_START, "text")[2])), printed
    checked = session.run("tapewatch check && echo well")
    assert checked.splitlines()[-1] == "well", checked


def test_the_service_of_the_page_about_services_prints_what_it_shows() -> None:
    one, port = page("sdk/service.md"), str(free_port())
    (code,) = blocks(one, "python")
    (shown,) = blocks(one, "text")
    done = subprocess.run(
        [sys.executable, "-c", code.replace("9093", port)], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == shown.replace("9093", port)


def test_the_page_about_services_names_every_variable_and_series_of_its_own() -> None:
    from tapewatch_sdk.service import _audit, _counting, _start

    told = " ".join(page("sdk/service.md").spans)
    names = {
        _start.ENVIRONMENT, _audit.API_URL, _audit.API_TOKEN, _audit.API_TOKEN_FILE, _audit.SPOOL,
        _counting.TELEMETRY, _counting.TELEMETRY_WAITING,
    }  # fmt: skip

    assert {name for name in names if not re.search(rf"\b{name}\b", told)} == set()
