"""The sample on free ports of this machine, simulated by the command as a user starts it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from support.samples import edited
from support.servers import Server, free_port
from tapewatch.catalogue import Loaded, load

__all__ = ["NOWHERE", "SCRAPED", "Sample"]

FASTER = (
    ("  scrape: {interval: 5s, timeout: 4s}", "  scrape: {interval: 1s, timeout: 1s}"),
    ("  evaluation_interval: 5s", "  evaluation_interval: 1s"),
    ("  push: {interval: 15s}", "  push: {interval: 1s}"),
)

SCRAPED = (
    "market-data", "signal-bridge", "risk-manager", "execution-engine", "position-tracker", "live-trading", "api",
)  # fmt: skip
"""The services that have an address."""

NOWHERE = "http://127.0.0.1:1/otlp"
"""A push end where nobody listens, so that nothing is pushed to a server that happens to run here."""


class Sample:
    """The sample in a folder, with its variables: each scraped service on a free port of loopback.

    Parameters:
        folder: an existing folder, which gets the catalogue.

    Attributes:
        ports: port by service.
        environ: the variables that the catalogue takes the addresses from.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports: dict[str, int] = {}
        while len(set(self.ports.values())) < len(SCRAPED):
            self.ports = {name: free_port() for name in SCRAPED}
        self.environ: Mapping[str, str] = {
            f"{name.replace('-', '_').upper()}_ADDRESS": f"127.0.0.1:{port}" for name, port in self.ports.items()
        }
        (folder / "catalogue.yaml").write_text(edited(*FASTER), encoding="utf-8")

    def load(self) -> Loaded:
        """The catalogue with the ports of this machine."""
        return load(self.folder / "catalogue.yaml", self.environ)

    def command(self, *arguments: str) -> list[str]:
        """What a user types."""
        return [
            sys.executable, "-m", "tapewatch.cli", "simulate", "--env", f"--project={self.folder}", *arguments,
        ]  # fmt: skip

    def server(self, *arguments: str, service: str = "api") -> Server:
        """The command, not started yet; requests go to one of its services, which also says when it is ready."""
        return Server("simulate", self.command(*arguments), self.ports[service], "/ready", self.folder, self.environ)

    def url(self, service: str, path: str) -> str:
        """Where a service answers."""
        return f"http://127.0.0.1:{self.ports[service]}{path}"
