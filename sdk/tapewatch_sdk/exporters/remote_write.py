"""Pushes by Prometheus remote write, version 1.0."""

from __future__ import annotations

from tapewatch_sdk.exporters._needs import needs
from tapewatch_sdk.exporters._pushing import PushExporter
from tapewatch_sdk.exporters.contract import Connection, Destination

__all__ = ["RemoteWriteExporter"]


class RemoteWriteExporter(PushExporter):
    """Prometheus remote write 1.0. It needs the extra `remote-write`."""

    name = "remote_write"

    def connect(self, destination: Destination) -> Connection:
        """Make a connection; the network is not asked yet."""
        with needs("remote-write", destination):
            from tapewatch_sdk.exporters._write_request import WriteConnection
        return WriteConnection(destination)
