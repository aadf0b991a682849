"""How we speak with a Grafana that is busy, gone, elsewhere or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from support.servers import free_port
from tapewatch.uploading.access import Access
from tapewatch.uploading.api import LONGEST_WAIT, TRIES, Api, ApiError
from tapewatch_sdk.errors import ToolError

Answer = tuple[int, dict[str, str], str]


@contextmanager
def answering(*answers: Answer) -> Iterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    """A server that gives these answers in turn, the last one for ever; with its URL and what it was asked."""
    asked: list[tuple[str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = answers[min(len(asked), len(answers) - 1)]
            asked.append((f"{self.command} {self.path}", dict(self.headers.items())))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = _any  # noqa: N815 -- the base class names them so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def api(url: str, waits: list[float] | None = None) -> Api:
    return Api(Access(url, "Bearer secret"), (waits if waits is not None else []).append)


def code_of(caught: pytest.ExceptionInfo[ToolError]) -> str:
    (problem,) = caught.value.problems
    return problem.code


def test_a_busy_server_is_asked_again_after_ever_longer_waits() -> None:
    waits: list[float] = []
    with answering((503, {}, ""), (502, {}, ""), (200, {}, '{"a": 1}')) as (url, asked):
        assert api(url, waits).get("/api/x") == {"a": 1}

    assert waits == [0.5, 1.0]
    assert len(asked) == 3


@pytest.mark.parametrize(("asked_for", "waited"), [("7", 7.0), ("100000", LONGEST_WAIT), ("soon", 0.5)])
def test_a_server_that_names_a_time_gets_it_within_reason(asked_for: str, waited: float) -> None:
    waits: list[float] = []
    with answering((429, {"Retry-After": asked_for}, ""), (200, {}, "{}")) as (url, _):
        api(url, waits).post("/api/x", {})

    assert waits == [waited]


def test_a_server_that_stays_busy_is_given_up() -> None:
    with (
        answering((503, {}, json.dumps({"message": "database is locked"}))) as (url, asked),
        pytest.raises(ApiError) as caught,
    ):
        api(url).get("/api/x")

    assert len(asked) == TRIES
    assert code_of(caught) == "upload/refused"
    assert "503: database is locked" in caught.value.problems[0].summary


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "upload/refused"), (401, "upload/not-signed-in"), (403, "upload/not-allowed")],
)
def test_a_refusal_is_told_at_once_with_its_reason(status: int, code: str) -> None:
    with answering((status, {}, json.dumps({"message": "because"}))) as (url, asked), pytest.raises(ApiError) as caught:
        api(url).post("/api/x", {})

    assert (code_of(caught), len(asked)) == (code, 1)
    assert "because" in caught.value.problems[0].summary


def test_what_is_not_there_is_none_where_that_is_an_answer() -> None:
    with answering((404, {}, "")) as (url, _):
        assert api(url).find("/api/x") is None
        with pytest.raises(ApiError):
            api(url).get("/api/x")


def test_a_redirect_is_not_followed_so_the_token_stays_here() -> None:
    with answering((200, {}, "{}")) as (elsewhere, stolen):
        leads_there = (302, {"Location": f"{elsewhere}/api/x"}, "")
        with answering(leads_there) as (url, asked), pytest.raises(ToolError) as caught:
            api(url).post("/api/x", {})

    assert code_of(caught) == "upload/redirected"
    assert elsewhere in caught.value.problems[0].summary
    assert (len(asked), stolen) == (1, [])


def test_a_server_without_tls_behind_https_is_told_apart_from_one_that_is_gone() -> None:
    with answering((200, {}, "{}")) as (url, _), pytest.raises(ToolError) as caught:
        api(url.replace("http://", "https://")).get("/api/x")
    assert code_of(caught) == "upload/bad-tls"

    with pytest.raises(ToolError) as caught:
        api(f"http://127.0.0.1:{free_port()}").get("/api/x")
    assert code_of(caught) == "upload/silent"


@pytest.mark.parametrize("answer", [(200, {}, "<html>hello</html>"), (200, {}, '{"status": "up"}'), (404, {}, "")])
def test_what_is_no_grafana_is_called_that(answer: Answer) -> None:
    with answering(answer) as (url, _), pytest.raises(ToolError) as caught:
        api(url).version()

    assert code_of(caught) == "upload/no-grafana"


def test_an_error_page_is_not_shown_as_a_reason() -> None:
    with answering((400, {}, "<html>nginx</html>")) as (url, _), pytest.raises(ApiError) as caught:
        api(url).get("/api/x")

    assert "html" not in caught.value.problems[0].summary


def test_a_grafana_below_a_path_is_asked_there_with_the_token() -> None:
    told: dict[str, Any] = {"database": "ok", "version": "13.2.3"}
    with answering((200, {}, json.dumps(told))) as (url, asked):
        assert api(f"{url}/grafana").version() == "13.2.3"

    assert asked[0][0] == "GET /grafana/api/health"
    assert asked[0][1]["Authorization"] == "Bearer secret"


def test_the_secret_is_not_shown() -> None:
    assert "secret" not in repr(Access("https://grafana", "Bearer secret"))
