"""A real Grafana for tests, where there is one: in the folder that `TAPEWATCH_GRAFANA` names, or that is on PATH."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from support.grafana_stand_in import PASSWORD
from support.servers import Server, free_port

__all__ = ["HOME", "grafana_home", "start_grafana"]

HOME = "TAPEWATCH_GRAFANA"
"""The environment variable with the folder that Grafana was unpacked or built in."""


def grafana_home() -> Path | None:
    """The folder with Grafana's `bin/grafana`, `conf` and `public`; None where there is none."""
    named = os.environ.get(HOME, "")
    program = shutil.which("grafana")
    folders = [Path(named)] if named else [Path(program).resolve().parents[1]] if program else []
    return next((each for each in folders if _program(each).is_file() and (each / "public").is_dir()), None)


def start_grafana(folder: Path, settings: Mapping[str, str] | None = None, port: int | None = None) -> Server:
    """A real Grafana with an empty database and the user admin.

    Parameters:
        folder: where a folder `grafana` is made for its data and log.
        settings: further settings by the names of their environment variables, `GF_PATHS_PROVISIONING`.
        port: the port to listen on; a free one by default.
    """
    home, port = grafana_home(), port or free_port()
    assert home is not None, "tests that need it are marked so"
    data = folder / "grafana"
    data.mkdir(parents=True)
    environment = {
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_PATHS_DATA": str(data / "data"),
        "GF_PATHS_LOGS": str(data / "logs"),
        "GF_PATHS_PLUGINS": str(data / "plugins"),
        "GF_PATHS_PROVISIONING": str(data / "provisioning"),
        "GF_SECURITY_ADMIN_PASSWORD": PASSWORD,
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        # Newer versions have it without, older ones of Go's compiler than ours were known to a library of 9.4.
        "ASSUME_NO_MOVING_GC_UNSAFE_RISK_IT_WITH": "go1.26",
        **(settings or {}),
    }
    command: list[str | Path] = [_program(home), "server", "--homepath", home]
    return Server("grafana", command, port, "/api/health", data, environment).start()


def _program(home: Path) -> Path:
    return home / "bin" / "grafana"
