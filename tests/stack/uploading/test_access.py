"""The way in: from where the secret comes, and when it is not sent."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tapewatch.uploading.access import TOKEN, access
from tapewatch_sdk.errors import ProblemsError

HERE = "http://127.0.0.1:3000"


def code(url: str, environ: dict[str, str] | None = None, token_file: Path | None = None, plain: bool = False) -> str:
    with pytest.raises(ProblemsError) as caught:
        access(url, {TOKEN: "t"} if environ is None else environ, token_file=token_file, plain=plain)
    (problem,) = caught.value.problems
    return problem.code


def test_a_file_comes_before_the_environment(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of-the-file\n")
    (tmp_path / "password").write_text("pass word\n")

    assert access(HERE, {TOKEN: "t"}).authorization == "Bearer t"
    assert access(HERE, {TOKEN: "t"}, token_file=tmp_path / "token").authorization == "Bearer of-the-file"
    basic = access(HERE, {TOKEN: "t"}, user="me", password_file=tmp_path / "password").authorization
    assert base64.b64decode(basic.removeprefix("Basic ")) == b"me:pass word"


def test_without_a_secret_it_says_how_to_give_one() -> None:
    assert code(HERE, environ={}) == "upload/no-secret"
    assert code(HERE, environ={TOKEN: " "}) == "upload/no-secret"


@pytest.mark.parametrize("text", ["", "\n", "one\ntwo", "a\x00b"])
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text)

    assert code(HERE, token_file=tmp_path / "token") == "upload/bad-secret"
    assert code(HERE, token_file=tmp_path / "absent") == "upload/bad-secret"


@pytest.mark.parametrize(
    "url", ["", "grafana:3000", "ftp://x", "https://u:p@x", "https://x/?a=b", "https://", "https://x#a"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    assert code(url) == "upload/bad-url"


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(ProblemsError) as caught:
        access("https://me:hunter2@grafana", {TOKEN: "t"})

    assert "hunter2" not in str(caught.value.problems)


@pytest.mark.parametrize("url", ["http://grafana:3000", "http://10.0.0.1", "http://localhost.example.com"])
def test_a_secret_leaves_the_machine_over_tls_alone(url: str) -> None:
    assert code(url) == "upload/no-tls"
    assert access(url, {TOKEN: "t"}, plain=True).url == url


@pytest.mark.parametrize(
    "url", ["http://localhost:3000/", "http://127.0.0.1:3000", "http://[::1]:3000", "https://x/g/"]
)
def test_on_this_machine_and_over_tls_it_goes(url: str) -> None:
    assert access(url, {TOKEN: "t"}).url == url.rstrip("/")
