"""What the units of a host read means what compose's files mean: targets, rules, routes, data sources."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from support.beyond import rendered, rich
from support.meaning import differences, read_files
from support.rendering import varied
from tapewatch import layout


def native(data: dict[str, Any]) -> None:
    rich()(data)
    data["stack"].pop("high_availability", None)
    data["stack"] |= {"systemd": {}, "bind": "127.0.0.1"}


def by_name(units: Path, host: Path) -> None:
    """Put in the place of a unit's credentials the files that the unit says it loads them from."""
    for file in sorted(host.rglob("*.yml")):
        text = file.read_text()
        for unit in units.glob("*.service"):
            for line in unit.read_text().splitlines():
                if line.startswith("LoadCredential="):
                    name, _, source = line.removeprefix("LoadCredential=").partition(":")
                    catalogued = source.replace("/etc/tapewatch/secrets/", "/run/secrets/")
                    made = catalogued.replace("/run/secrets/api-key", "/run/tapewatch/history/api-key")
                    text = re.sub(
                        rf"/run/credentials/{re.escape(unit.name)}/{re.escape(name)}$", made, text, flags=re.M
                    )
        file.write_text(text)


def test_units_mean_what_compose_means(tmp_path: Path) -> None:
    catalogue, project = varied(native), rendered(tmp_path / "project", native)
    shutil.copytree(project / layout.SYSTEMD / "etc/tapewatch", tmp_path / "host/provisioning")

    by_name(project / layout.SYSTEMD / "etc/systemd/system", tmp_path / "host")

    compose = read_files("compose", project, catalogue)
    units = read_files("systemd", tmp_path / "host", catalogue)

    assert min(len(facts) for facts in compose.facts.values()) >= 1
    assert differences(compose, units) == []
