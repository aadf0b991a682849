"""The page about exporters: its programs do what it shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from docs.pages import page
from sdk.exporters.backend import Backend, series
from tapewatch_sdk import exporters
from tapewatch_sdk.exporters._push import _BUILT_IN, API_KEY, BUFFER, ENVIRONMENT
from tapewatch_sdk.exporters._urls import PUSH_URL

PAGE = page("sdk/exporters.md")
FIRST, OWN = [block.text for block in PAGE.blocks if block.language == "python"]


def played(code: str, folder: Path, **variables: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder), **variables}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_first_program_prints_what_the_page_shows_and_pushes(backend: Backend, tmp_path: Path) -> None:
    (shown,) = [block.text for block in PAGE.blocks if block.language == "text"]

    assert played(FIRST, tmp_path, GRAFANA_PUSH_URL=backend.write) == shown
    assert series(backend.bodies[-1])["rows_written_total"][0][:2] == (
        {"service": "capture-pipeline", "team": "data", "environment": "production", "table": "raw_trades"}, 1200,
    )  # fmt: skip


def test_without_a_url_it_runs_as_well(tmp_path: Path) -> None:
    assert played(FIRST, tmp_path, GRAFANA_PUSH_URL="") == "False True\n"


def test_the_exporter_of_ones_own_is_found_by_its_entry_point(tmp_path: Path) -> None:
    (point,) = [block.text for block in PAGE.blocks if block.language == "toml"]
    (tmp_path / "acme_exporters.py").write_text(OWN, encoding="utf-8")
    package = tmp_path / "acme_exporters-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-exporters\nVersion: 1\n", encoding="utf-8")
    points = point.replace('[project.entry-points."tapewatch.exporters"]', "[tapewatch.exporters]").replace('"', "")
    (package / "entry_points.txt").write_text(points, encoding="utf-8")

    *lines, printed = played(FIRST, tmp_path, GRAFANA_PUSH_URL="lines+stdout:").splitlines()

    assert "True True" in [*lines, printed]
    assert {"rows_written_total": [1200.0]} in [json.loads(line) for line in [*lines, printed] if line[0] == "{"]


def test_the_page_names_every_exporter_variable_and_default() -> None:
    spans = set(PAGE.spans)

    assert {*_BUILT_IN, PUSH_URL, API_KEY, ENVIRONMENT, exporters.DROPPED_BATCHES} <= spans
    assert f"{BUFFER} unless told otherwise" in PAGE.text
