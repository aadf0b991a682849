"""Pushes by OTLP over HTTP, in protobuf."""

from __future__ import annotations

from tapewatch_sdk.exporters._needs import needs
from tapewatch_sdk.exporters._pushing import PushExporter
from tapewatch_sdk.exporters.contract import Connection, Destination

__all__ = ["OtlpExporter"]


class OtlpExporter(PushExporter):
    """OTLP over HTTP. It needs the extra `otel`."""

    name = "otlp"

    def connect(self, destination: Destination) -> Connection:
        """Make a connection; the network is not asked yet."""
        with needs("otel", destination):
            from tapewatch_sdk.exporters._otlp_request import OtlpConnection
        return OtlpConnection(destination)
