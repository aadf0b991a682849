"""Files with secrets that the catalogue names under /run/secrets reach the container that reads them, and no other."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.rendering import render, varied, write
from support.samples import load_sample
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.compose import ComposeRenderer
from tapewatch.renderers.secrets import secrets_of


def with_secrets(data: dict[str, Any]) -> None:
    data["stack"]["remote_write"] = [
        {"name": "far", "url": "https://far.example/push", "username": "17", "password_file": "/run/secrets/far"},
        {"name": "own", "url": "https://own.example/push", "credentials_file": "/etc/prometheus-keys/own"},
        {"name": "tls", "url": "https://tls.example/push", "tls": {"ca_file": "/run/secrets/ca.pem"}},
    ]
    data["services"]["api"]["scrape"] = {"credentials": {"credentials_file": "/run/secrets/api"}}
    data["receivers"]["desk-chat"] = {"slack": [{"channel": "#desk", "api_url_file": "/run/secrets/slack"}]}
    data["stack"]["heartbeat"] = {"url_file": "/run/secrets/beat"}


def compose(catalogue: Catalogue) -> dict[str, Any]:
    return dict(yaml.safe_load(render(ComposeRenderer(), catalogue)[layout.COMPOSE]))


def test_each_part_gets_what_it_reads_and_nobody_else_does() -> None:
    wanted = {"alertmanager": ("beat", "slack"), "prometheus": ("api", "ca.pem", "far")}
    document = compose(varied(with_secrets))

    assert secrets_of(varied(with_secrets)) == wanted
    assert {name: tuple(part["secrets"]) for name, part in document["services"].items() if "secrets" in part} == wanted


def test_they_lie_in_a_folder_of_the_project() -> None:
    assert compose(varied(with_secrets))["secrets"] == {
        name: {"file": f"./secrets/{name}"} for name in ("api", "beat", "ca.pem", "far", "slack")
    }


def test_a_project_without_any_has_no_word_of_them() -> None:
    assert "secrets" not in compose(load_sample())
    assert not any("secrets" in part for part in compose(load_sample())["services"].values())


@pytest.mark.needs("docker", "compose")
def test_docker_compose_reads_the_file_and_puts_them_where_the_catalogue_says(tmp_path: Path) -> None:
    folder = write(render(ComposeRenderer(), varied(with_secrets)), tmp_path)
    (folder / "secrets").mkdir()
    for name in ("api", "beat", "ca.pem", "far", "slack"):
        (folder / "secrets" / name).write_text("secret", encoding="utf-8")
    command = ["docker", "compose", "-f", str(folder / layout.COMPOSE), "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    read = yaml.safe_load(done.stdout)
    assert [each["source"] for each in read["services"]["prometheus"]["secrets"]] == ["api", "ca.pem", "far"]
    assert read["secrets"]["far"]["file"] == str(folder / "secrets" / "far")
