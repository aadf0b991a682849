"""Silences come back as they were at the moment of the backup, although Alertmanager stores them later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.cli import run
from support.samples import ROOT, SAMPLE
from support.servers import Server, free_port, start_alertmanager
from tapewatch.saving.wire import merged_silences, silence_ids

CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"

MATCHERS = [
    {"name": "service", "value": 'a b"ü', "isRegex": False, "isEqual": True},
    {"name": "team", "value": "x|y", "isRegex": True, "isEqual": True},
    {"name": "severity", "value": "info", "isRegex": False, "isEqual": False},
    {"name": "domain", "value": "r.*", "isRegex": True, "isEqual": False},
]


def silence(server: Server, hours: float, **more: Any) -> str:
    now = datetime.now(UTC)
    body = {
        "matchers": MATCHERS,
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=hours)).isoformat(),
        "createdBy": "désk",
        "comment": "lines\nand tabs\t",
        **more,
    }
    return str(yaml.safe_load(server.post("/api/v2/silences", body))["silenceID"])


@pytest.mark.needs("alertmanager")
def test_what_alertmanager_has_not_stored_yet_comes_back_to_the_letter(tmp_path: Path) -> None:
    port, parts = free_port(), tmp_path / "parts"
    catalogue = SAMPLE.replace("stack:\n", f"stack:\n  ports: {{alertmanager: {port}}}\n", 1)
    (tmp_path / "catalogue.yaml").write_text(catalogue, encoding="utf-8")
    data = parts / "alertmanager"
    with start_alertmanager(CONFIG, tmp_path, port=port, data=data) as server:
        stored = silence(server, 1)
    with start_alertmanager(CONFIG, tmp_path, port=port, data=data) as server:
        silence(server, 3, id=stored, comment="longer")  # changed since it was stored
        for hours in (2, 0.5):
            silence(server, hours)
        before = server.get_json("/api/v2/silences")
        assert len(silence_ids((data / "silences").read_bytes())) == 1

        done = run("backup", "kept", "--data", "parts", "--unencrypted", folder=tmp_path)
        assert done.returncode == 0, done.stderr

    done = run("restore", "kept", "--data", "empty", "--yes", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    with start_alertmanager(CONFIG, tmp_path, data=tmp_path / "empty" / "alertmanager") as restored:
        after = restored.get_json("/api/v2/silences")

    assert sorted(before, key=by_id) == sorted(after, key=by_id)


def test_a_file_that_ends_in_the_middle_of_a_record_is_told() -> None:
    with pytest.raises(ValueError, match="in the middle"):
        merged_silences(b"\x7f\x0a", [])


def test_alertmanager_is_rendered_to_store_what_it_knows_each_minute() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    assert "--data.maintenance-interval=1m" in services["alertmanager"]["command"]


def by_id(each: dict[str, Any]) -> str:
    return str(each["id"])
