"""`tapewatch verify` as a user runs it: what it prints and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.verifying.exposing import TEXT, Exposing, catalogue
from support.cli import run
from support.servers import free_port

NOWHERE = "--prometheus=http://127.0.0.1:1"


@pytest.fixture
def quoter() -> Iterator[Exposing]:
    with Exposing() as server:
        yield server


@pytest.fixture
def project(quoter: Exposing, tmp_path: Path) -> Path:
    """Two services: one is there, one is not."""
    catalogue(tmp_path, {"quoter": {"address": quoter.address}, "gone": {"address": f"127.0.0.1:{free_port()}"}})
    return tmp_path


def test_a_service_that_is_as_declared_ends_with_0(project: Path, quoter: Exposing) -> None:
    done = run("verify", "quoter", folder=project)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"quoter  ok        5 of 5 families, 13 series  {quoter.url}\nevery service is as the catalogue says\n"
    )


def test_a_breach_ends_with_1_and_shows_the_line_within_80_columns(project: Path, quoter: Exposing) -> None:
    quoter.text = TEXT.replace('{symbol="ETH",side="buy"}', '{ticker="ETH",side="buy"}')

    done = run("verify", folder=project)

    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("quoter  1 wrong ")
    assert lines[1].startswith("gone    1 wrong   0 of 5 families, 0 series ")
    assert "error[verify/wrong-labels]: `quotes_total` of `quoter` has the labels `side`," in lines
    assert f"  --> {quoter.url}:4:14 (domains.quoting.quotes_total)" in lines
    assert ' 4 | quotes_total{ticker="ETH",side="buy"} 4' in lines
    assert "   |              ^^^^^^" in lines
    assert "error[verify/no-answer]: `gone` at" in done.stdout
    assert lines[-1] == "2 errors"
    assert all(len(line) <= 80 for line in lines if quoter.url not in line), done.stdout


def test_machines_get_the_problems_alone(project: Path, quoter: Exposing) -> None:
    quoter.text = TEXT.replace("quotes_open 7", "quotes_open seven")

    done = run("verify", "quoter", "--format=json", folder=project)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["errors"], told["warnings"]) == (1, 0)
    assert told["problems"][0] | {"must": "", "fix": ""} == {
        "code": "verify/bad-format",
        "severity": "error",
        "summary": "what `quoter` answers breaks the text format: `seven` is no number",
        "must": "",
        "fix": "",
        "file": quoter.url,
        "line": 7,
        "column": 13,
        "path": "services.quoter",
        "excerpt": "quotes_open seven",
    }

    done = run("verify", "quoter", "--format=github", folder=project)
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=http%3A//127.0.0.1%3A")
    assert "title=verify/bad-format::services.quoter: what `quoter` answers" in done.stdout


def test_a_warning_is_shown_and_ends_with_0(project: Path, quoter: Exposing) -> None:
    quoter.text = "".join(line for line in TEXT.splitlines(keepends=True) if not line.startswith("quotes_total{"))

    done = run("verify", "quoter", folder=project)

    assert done.returncode == 0
    assert "warning[verify/no-series]" in done.stdout


def test_what_cannot_be_looked_at_ends_with_2_and_the_rest_is_still_told(quoter: Exposing, tmp_path: Path) -> None:
    catalogue(tmp_path, {"quoter": {"address": quoter.address}, "pusher": {"mode": "push"}})

    done = run("verify", NOWHERE, folder=tmp_path)

    assert done.returncode == 2
    assert "error[verify/no-prometheus]: the Prometheus at http://127.0.0.1:1 does not" in done.stdout
    assert done.stdout.startswith("quoter  ok  ")
    assert run("verify", "quoter", NOWHERE, folder=tmp_path).returncode == 0


def test_one_url_is_looked_at_from_a_services_own_ci(quoter: Exposing, tmp_path: Path) -> None:
    catalogue(tmp_path / "monitoring", {"quoter": {"address": "quoter:9091"}, "other": {"address": "other:9092"}})

    done = run("verify", "quoter", "--project=monitoring", f"--url={quoter.url}", folder=tmp_path)

    assert done.returncode == 0, done.stdout


def test_a_second_look_tells_what_stands_still(project: Path) -> None:
    done = run("verify", "quoter", "--again=1", folder=project)

    assert done.returncode == 1
    assert "verify/frozen" in done.stdout


def test_a_catalogue_that_is_wrong_ends_with_2(tmp_path: Path) -> None:
    done = run("verify", folder=tmp_path)

    assert done.returncode == 2
    assert "error[document/missing]" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["quotr"], "no service is called quotr; did you mean quoter?"),
        (["--url=http://localhost:1"], "--url is the URL of one service; name that service"),
        (["quoter", "gone", "--url=http://localhost:1"], "--url is the URL of one service"),
        (["quoter", "--url=localhost:1"], "--url localhost:1 is no http:// or https:// URL"),
        (["quoter", "--prometheus=localhost:1"], "--prometheus localhost:1 is no http:// or https:// URL"),
        (["quoter", "--url=http://a", "--host=b"], "--url and --host both say where to look"),
        (["pusher", "--url=http://a"], "pusher pushes and has no URL"),
        (["--secrets=nowhere"], "Directory 'nowhere' does not exist"),
    ],
)
def test_what_cannot_be_meant_is_said(tmp_path: Path, arguments: list[str], words: str) -> None:
    catalogue(tmp_path, {"quoter": {"address": "a:1"}, "gone": {"address": "b:1"}, "pusher": {"mode": "push"}})

    done = run("verify", *arguments, folder=tmp_path)

    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
