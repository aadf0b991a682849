"""Services that answer badly or not at all, and how they are asked."""

from __future__ import annotations

import gzip
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
import yaml

from stack.verifying.conftest import NOWHERE, Verify
from stack.verifying.exposing import OPENMETRICS_TYPE, TEXT, TEXT_TYPE, Exposing, catalogue
from support.servers import free_port, start_prometheus
from support.targets import (
    Behaviour,
    Target,
    answer_half,
    answer_too_much,
    answer_too_much_compressed,
    close,
    hang,
    nothing_packed,
    stall,
)
from support.waiting import wait_for
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.verifying.platform import Verification, Where, verify
from tapewatch.verifying.scraping import LARGEST
from tapewatch_sdk.plugins import Request
from tapewatch_sdk.problems import Problem

Answered = tuple[int, Mapping[str, str], bytes]

QUICK: dict[str, Any] = {"scrape": {"timeout": "1s"}}


def only(verification: Verification) -> Problem:
    """The one problem that was found, which is a service's own."""
    assert verification.hindrances == ()
    assert len(verification.problems) == 1, [problem.summary for problem in verification.problems]
    return verification.problems[0]


def look(folder: Path, address: str, where: Where | None = None, **settings: Any) -> Verification:
    """One service at an address, held against the catalogue."""
    return verify(catalogue(folder, {"quoter": {"address": address, **settings}}), where or Where(NOWHERE))


def answering(status: int, headers: Mapping[str, str], body: bytes) -> Callable[[object], Answered]:
    return lambda _: (status, headers, body)


@pytest.mark.parametrize(
    ("behaviour", "code", "words"),
    [
        (close, "verify/no-answer", "breaks off its answer"),
        (answer_half, "verify/no-answer", "breaks off its answer: it ends after"),
        (hang, "verify/too-slow", "has not answered in full within 1s"),
        (stall, "verify/too-slow", "has not answered in full within 1s"),
        (answer_too_much, "verify/too-large", "answers with more than 16 MB"),
        (answer_too_much_compressed, "verify/too-large", "answers with more than 16 MB"),
    ],
)
def test_a_bad_answer_is_named(tmp_path: Path, behaviour: Behaviour, code: str, words: str) -> None:
    with Target() as target, target.behaving(behaviour):
        problem = only(look(tmp_path, target.address, **(QUICK if code == "verify/too-slow" else {})))

    assert problem.code == code
    assert words in problem.summary
    assert problem.where.path == "services.quoter.address"
    assert target.address in problem.where.excerpt


def test_nobody_there_is_named_and_the_others_go_on(quoter: Exposing, tmp_path: Path) -> None:
    services: dict[str, dict[str, Any]] = {
        "gone": {"addresses": [f"127.0.0.1:{free_port()}"]},
        "quoter": {"address": quoter.address},
    }

    verification = verify(catalogue(tmp_path, services), Where(NOWHERE))

    problem = only(verification)
    assert problem.code == "verify/no-answer"
    assert "cannot be reached: Connection refused" in problem.summary
    assert problem.where.path == "services.gone.addresses[0]"
    assert [(each.service, len(each.problems)) for each in verification.checked] == [("gone", 1), ("quoter", 0)]


def test_a_host_that_nobody_knows_is_named(tmp_path: Path) -> None:
    assert only(look(tmp_path, "nobody.invalid:9091")).code == "verify/no-answer"


def test_an_answer_that_trickles_in_is_cut_in_time(tmp_path: Path) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> Answered:
        with suppress(OSError):
            for _ in range(100):
                handler.wfile.write(b"H")
                handler.wfile.flush()
                time.sleep(0.1)
        handler.close_connection = True
        return 200, {}, b""

    with Exposing(respond=drip) as server:
        assert only(look(tmp_path, server.address, **QUICK)).code == "verify/too-slow"


@pytest.mark.parametrize("status", [204, 401, 404, 503])
def test_a_status_other_than_200_is_told_with_what_was_said(quoter: Exposing, verified: Verify, status: int) -> None:
    quoter.respond = answering(status, {}, b"" if status == 204 else b"not\nnow")

    problem = only(verified())

    assert problem.code == "verify/status"
    assert f"answers {status}" in problem.summary
    assert status == 204 or problem.summary.endswith(": not now")


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/html"}, {"Content-Type": "application/json"}])
def test_a_wrong_content_type_is_told_and_the_answer_is_read_all_the_same(
    quoter: Exposing, verified: Verify, headers: Mapping[str, str]
) -> None:
    quoter.respond = answering(200, headers, TEXT.encode())
    problem = only(verified())
    assert problem.code == "verify/content-type"
    assert headers.get("Content-Type", "no Content-Type") in problem.summary

    quoter.respond = answering(200, headers, TEXT.replace("quotes_open 7\n", "").encode())
    assert {each.code for each in verified().problems} == {"verify/content-type", "verify/missing-family"}


def test_a_web_page_is_a_wrong_content_type_and_not_a_broken_line(quoter: Exposing, verified: Verify) -> None:
    quoter.respond = answering(200, {"Content-Type": "text/html"}, b"<html></html>")

    assert only(verified()).code == "verify/content-type"


def test_what_calls_itself_openmetrics_must_be_openmetrics(quoter: Exposing, verified: Verify) -> None:
    quoter.respond = answering(200, {"Content-Type": OPENMETRICS_TYPE}, TEXT.encode())

    problem = only(verified())

    assert problem.code == "verify/bad-format"
    assert "breaks OpenMetrics" in problem.summary


def test_a_packed_answer_is_unpacked(quoter: Exposing, verified: Verify) -> None:
    packed = gzip.compress(TEXT.encode())
    headers = {"Content-Type": TEXT_TYPE, "Content-Encoding": "gzip"}
    quoter.respond = answering(200, headers, packed)
    assert verified().problems == []

    quoter.respond = answering(200, headers, packed[:-20])
    assert only(verified()).code == "verify/no-answer"

    quoter.respond = answering(200, headers, TEXT.encode())
    assert only(verified()).code == "verify/no-answer"


def test_what_follows_a_packed_answer_is_neither_dropped_nor_waited_for(quoter: Exposing, verified: Verify) -> None:
    headers = {"Content-Type": TEXT_TYPE, "Content-Encoding": "gzip"}
    quoter.respond = answering(200, headers, gzip.compress(TEXT.encode()) + gzip.compress(b"more 1\n"))
    assert "more than one packed answer" in only(verified()).summary

    quoter.respond = answering(200, headers, nothing_packed(LARGEST))
    assert only(verified()).code == "verify/too-large"


def test_a_size_that_is_none_is_named(quoter: Exposing, verified: Verify) -> None:
    quoter.respond = answering(200, {"Content-Type": TEXT_TYPE, "Transfer-Encoding": "chunked"}, b"-4\r\na 1\n\r\n")

    assert only(verified()).code == "verify/no-answer"


def test_path_and_scheme_and_query_are_the_catalogues(quoter: Exposing, verified: Verify) -> None:
    assert verified(scrape={"path": "/stats/prometheus?all=1"}).problems == []

    assert quoter.requests[0]["path"] == "/stats/prometheus?all=1"


def test_a_redirect_is_followed_without_the_secret_and_a_circle_is_not(
    quoter: Exposing, verified: Verify, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    settings = {"scrape": {"credentials": {"credentials_file": str(tmp_path / "token")}}}
    with Exposing() as elsewhere:
        quoter.respond = answering(302, {"Location": elsewhere.url}, b"")
        assert verified(**settings).problems == []
        assert quoter.requests[0]["authorization"] == "Bearer s3cret"
        assert "authorization" not in elsewhere.requests[0]

    quoter.respond = answering(302, {"Location": "/metrics"}, b"")
    assert only(verified()).code == "verify/status"

    quoter.respond = answering(302, {"Location": "file:///etc/passwd"}, b"")
    assert "is no http:// or https:// URL" in only(verified()).summary

    quoter.respond = answering(302, {"Location": "http://[::/metrics"}, b"")
    assert "sends on to 'http://[::/metrics', which is no URL" in only(verified()).summary


def test_user_and_password_are_sent(quoter: Exposing, verified: Verify, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open sesame\n")
    credentials = {"type": "basic", "username": "ali", "password_file": str(tmp_path / "password")}

    assert verified(scrape={"credentials": credentials}).problems == []

    assert quoter.requests[0]["authorization"] == "Basic YWxpOm9wZW4gc2VzYW1l"


@pytest.mark.parametrize("token", ["first\nsecond", "\u20ac3cret", "a\0b"])
def test_what_no_header_may_hold_is_no_token_and_is_not_shown(quoter: Exposing, tmp_path: Path, token: str) -> None:
    (tmp_path / "token").write_text(token, encoding="utf-8")
    credentials = {"credentials_file": str(tmp_path / "token")}

    (hindrance,) = look(tmp_path, quoter.address, scrape={"credentials": credentials}).hindrances

    assert hindrance.code == "verify/secret"
    assert hindrance.summary.endswith("cannot be used: a token is one line of ASCII")
    assert quoter.requests == []


def test_a_secret_that_is_not_here_hinders_and_is_found_in_the_folder_that_is_given(
    quoter: Exposing, tmp_path: Path
) -> None:
    settings = {"scrape": {"credentials": {"credentials_file": "/run/prometheus-secrets/token"}}}
    loaded = catalogue(tmp_path, {"quoter": {"address": quoter.address, **settings}})

    verification = verify(loaded, Where(NOWHERE))
    (hindrance,) = verification.hindrances
    assert hindrance.code == "verify/secret"
    assert "`credentials_file` /run/prometheus-secrets/token cannot be used: No such file" in hindrance.summary
    assert (verification.checked, quoter.requests) == ((), [])

    (tmp_path / "token").write_text("s3cret")
    assert verify(loaded, Where(NOWHERE, secrets=tmp_path)).problems == []
    assert quoter.requests[0]["authorization"] == "Bearer s3cret"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with cert.pem and key.pem of a server that is called `quoter.example.com`."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl, which is not on PATH")
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=quoter"]
    more = ["-addext", "subjectAltName=DNS:quoter.example.com", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run([*command, *more], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def secure(quoter: Exposing, certificate: Path) -> Exposing:
    """The service behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    quoter.server.socket = context.wrap_socket(quoter.server.socket, server_side=True)
    return quoter


def test_tls_is_checked_the_way_the_catalogue_says(secure: Exposing, verified: Verify, certificate: Path) -> None:
    ca, name = {"ca_file": str(certificate / "cert.pem")}, {"server_name": "quoter.example.com"}

    assert verified(scrape={"scheme": "https", "tls": {**ca, **name}}).problems == []
    assert verified(scrape={"scheme": "https", "tls": {"insecure_skip_verify": True}}).problems == []
    for tls in (None, ca, name):
        problem = only(verified(scrape={"scheme": "https", "tls": tls}))
        assert problem.code == "verify/no-answer"
        assert "CERTIFICATE_VERIFY_FAILED" in problem.summary


def test_a_certificate_that_is_none_hinders(secure: Exposing, verified: Verify, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")

    verification = verified(scrape={"scheme": "https", "tls": {"ca_file": str(tmp_path / "ca.pem")}})

    assert [problem.code for problem in verification.hindrances] == ["verify/secret"]
    assert "`ca_file`" in verification.hindrances[0].summary


def test_one_url_is_looked_at_in_place_of_the_addresses(quoter: Exposing, tmp_path: Path) -> None:
    for url in (f"http://{quoter.address}", f"http://{quoter.address}/", f"http://{quoter.address}/own"):
        assert look(tmp_path, "quoter:9091", Where(NOWHERE, url=url)).problems == []

    assert [each["path"] for each in quoter.requests] == ["/metrics", "/metrics", "/own"]


def test_all_addresses_are_looked_for_on_one_host(quoter: Exposing, tmp_path: Path) -> None:
    port = quoter.address.rpartition(":")[2]

    assert look(tmp_path, f"quoter.internal:{port}", Where(NOWHERE, host="127.0.0.1")).problems == []
    assert "http://[::1]:" in only(look(tmp_path, f"quoter:{port}", Where(NOWHERE, host="::1"))).summary


def test_each_address_of_a_service_is_looked_at(quoter: Exposing, tmp_path: Path) -> None:
    with Exposing(TEXT.replace("quotes_open 7\n", "")) as second:
        services = {"quoter": {"address": quoter.address, "addresses": [second.address]}}
        verification = verify(catalogue(tmp_path, services), Where(NOWHERE))

    assert [(each.url, len(each.problems)) for each in verification.checked] == [(quoter.url, 0), (second.url, 1)]


def test_a_hundred_services_are_asked_at_the_same_time(tmp_path: Path) -> None:
    """Each request waits until 50 others are there too."""
    barrier = Barrier(50)

    def together(handler: BaseHTTPRequestHandler) -> Answered:
        with suppress(BrokenBarrierError):
            barrier.wait(30)
        return 200, {"Content-Type": TEXT_TYPE}, TEXT.encode()

    with Exposing(respond=together) as server:
        server.server.socket.listen(100)  # so that none is refused while the others come in
        port = server.address.rpartition(":")[2]
        services = {f"quoter-{number:03}": {"address": f"quoter-{number:03}:{port}"} for number in range(100)}
        verification = verify(catalogue(tmp_path, services), Where(NOWHERE, host="127.0.0.1"))

    assert verification.problems == []
    assert len(verification.checked) == 100
    assert not barrier.broken


def test_no_more_is_taken_than_the_generated_prometheus_takes(tmp_path: Path) -> None:
    loaded = catalogue(tmp_path, {"quoter": {"address": "quoter:9091"}})
    files = {file.path: file.text for file in PrometheusRenderer().render(Request(loaded.catalogue, (), ()))}

    config = yaml.safe_load(files["provisioning/prometheus/prometheus.yml"])

    assert config["global"]["body_size_limit"] == f"{LARGEST // 1024 // 1024}MB"


@pytest.mark.needs("prometheus")
def test_a_service_is_asked_just_as_prometheus_asks(quoter: Exposing, verified: Verify, tmp_path: Path) -> None:
    job = {"job_name": "a", "scrape_interval": "1s", "static_configs": [{"targets": [quoter.address]}]}
    with start_prometheus(yaml.safe_dump({"scrape_configs": [job]}), tmp_path / "p") as prometheus:
        wait_for("Prometheus scrapes", lambda: quoter.requests, 30, prometheus.log_tail)
    by_prometheus = quoter.requests[0]
    quoter.requests.clear()

    verified()

    (by_us,) = quoter.requests
    for header in ("accept", "accept-encoding", "host"):
        assert by_us[header] == by_prometheus[header]
