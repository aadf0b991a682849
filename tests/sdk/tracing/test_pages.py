"""The pages about tracing, logs and serving: their Python blocks are one program each, which prints what they show."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from docs.pages import Page, page
from docs.test_examples import matches
from sdk.tracing.otlp_receiver import OtlpReceiver
from support.servers import free_port
from tapewatch_sdk.logs import redaction


def played(one: Page, receiver: OtlpReceiver) -> str:
    """What the program of a page prints, its blocks in their order."""
    code = "\n".join(block.text for block in one.blocks if block.language == "python")
    environment = {
        **os.environ,
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": receiver.traces_url,
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": receiver.logs_url,
    }
    done = subprocess.run(
        [sys.executable, "-c", code.replace("9093", str(free_port()))],
        capture_output=True, text=True, timeout=60, check=False, env=environment,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("name", ["logs", "serving"])
def test_a_program_prints_what_its_page_shows(name: str, receiver: OtlpReceiver) -> None:
    one = page(f"sdk/{name}.md")
    (shown,) = [block.text for block in one.blocks if block.language == "text"]

    printed = played(one, receiver)

    assert matches(printed, shown), printed


def test_the_program_about_tracing_prints_its_ids(receiver: OtlpReceiver) -> None:
    assert played(page("sdk/tracing.md"), receiver) == "no correlation id\ncorrelation_id=order-17\n"


def test_the_program_about_logs_sends_its_line_too(receiver: OtlpReceiver) -> None:
    played(page("sdk/logs.md"), receiver)

    assert [record["body"] for record in receiver.records] == [{"stringValue": "limit of BTC-USD nearly reached"}]


def test_every_name_of_a_secret_stands_on_the_page() -> None:
    told = set(page("sdk/logs.md").spans)

    assert [name for name in (*redaction._PARTS, *redaction._WHOLE) if name not in told] == []
