"""The catalogue's sampling rate, from a real Jaeger and from servers that answer nonsense."""

from __future__ import annotations

import json
import os
import urllib.error
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from sdk.tracing.otlp_receiver import OtlpReceiver
from support.rendering import render, varied, write
from support.servers import free_port, start_jaeger
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.renderers.jaeger import JaegerRenderer
from tapewatch.renderers.where import native
from tapewatch_sdk import tracing
from tapewatch_sdk.tracing.sampling import FollowedRatio, asked_ratio

PORTS = (
    "jaeger", "jaeger_grpc", "jaeger_health", "jaeger_metrics", "jaeger_sampling", "otlp_grpc", "otlp_http",
    "span_metrics",
)  # fmt: skip


@pytest.fixture
def answering() -> Iterator[SimpleNamespace]:
    """A server that answers each GET with its `text`, and keeps the paths."""
    state = SimpleNamespace(text="", paths=[])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(state.text.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/sampling"
    yield state
    server.shutdown()
    server.server_close()


def told(ratio: object) -> str:
    return json.dumps({"strategyType": "PROBABILISTIC", "probabilisticSampling": {"samplingRate": ratio}})


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", "nonsense", told("much"), told(1.5), told(-1), told(None), '{"probabilisticSampling": 1}'],
)
def test_an_answer_that_is_none_is_not_followed(text: str, answering: SimpleNamespace) -> None:
    answering.text = text
    seen: list[float] = []

    followed = FollowedRatio(answering.url, "a", seen.append, interval=0.01)

    wait_for("it was asked twice", lambda: followed.failures >= 2)
    followed.close()
    assert seen == []


def test_a_change_is_followed_and_silence_changes_nothing(answering: SimpleNamespace) -> None:
    answering.text = told(0.25)
    seen: list[float] = []
    followed = FollowedRatio(answering.url, "risk manager", seen.append, interval=0.01)
    wait_for("the first rate", lambda: 0.25 in seen)

    answering.text = "down"
    wait_for("silence", lambda: followed.failures)
    answering.text = told(0.5)
    wait_for("the second rate", lambda: 0.5 in seen)

    followed.close()
    assert set(seen) == {0.25, 0.5}
    assert answering.paths[0] == "/sampling?service=risk+manager"


def test_a_child_follows_too(answering: SimpleNamespace, tmp_path: Path) -> None:
    answering.text = told(0.25)
    seen: list[float] = []
    followed = FollowedRatio(answering.url, "a", seen.append, interval=0.01)
    child = os.fork()
    if child == 0:
        seen.clear()
        wait_for("the child asks", lambda: seen)
        (tmp_path / "seen").write_text(str(seen[0]))
        os._exit(0)
    os.waitpid(child, 0)
    followed.close()

    assert (tmp_path / "seen").read_text() == "0.25"


def test_nobody_to_ask_is_an_error() -> None:
    with pytest.raises(urllib.error.URLError):
        asked_ratio(f"http://127.0.0.1:{free_port()}/sampling", "a")


def test_tracing_takes_the_rate_from_the_environments_url(
    answering: SimpleNamespace, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering.text = told(0.75)
    monkeypatch.setenv("TAPEWATCH_SAMPLING_URL", answering.url)

    running = tracing.configure("risk-manager", endpoint=receiver.traces_url)

    wait_for("the rate is followed", lambda: running.sampling == 0.75)
    running.close()


@pytest.mark.needs("jaeger")
def test_a_real_jaeger_hands_out_what_the_catalogue_says(tmp_path: Path) -> None:
    ports = {name: free_port() for name in PORTS}

    def change(data: dict[str, Any]) -> None:
        data["stack"].update(ports=ports)
        data["services"]["risk-manager"].update(traces={"sampling": 0.5})

    locate = partial(native, data=str(tmp_path / "data"), config=str(tmp_path / layout.PROVISIONING))
    folder = write(render(JaegerRenderer(locate), varied(change)), tmp_path)
    (tmp_path / "data" / "jaeger").mkdir(parents=True)
    with start_jaeger(folder / f"{layout.JAEGER}/jaeger.yml", tmp_path) as jaeger:
        url = f"http://127.0.0.1:{ports['jaeger_sampling']}/sampling"

        def asked(service: str) -> float:
            return wait_for(f"{service}'s rate", lambda: asked_ratio(url, service), log=jaeger.log_tail)

        assert (asked("risk-manager"), asked("market-data")) == (0.5, 0.1)
