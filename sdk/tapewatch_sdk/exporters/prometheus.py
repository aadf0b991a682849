"""Serves `/metrics`, for a Prometheus that comes to scrape: the exporter that does not push."""

from __future__ import annotations

from urllib.parse import urlsplit

from tapewatch_sdk.contract import API_VERSION
from tapewatch_sdk.exporters._pushing import NOTHING
from tapewatch_sdk.exporters._urls import bad_url
from tapewatch_sdk.exporters.contract import Counts, Destination, Export, Source
from tapewatch_sdk.serving import Server, serve

__all__ = ["PrometheusExporter"]


class PrometheusExporter:
    """Pull: serves `/metrics`, `/health` and `/ready`, at `prometheus+http://HOST:PORT`."""

    name = "prometheus"
    api_version = API_VERSION

    def start(self, source: Source, destination: Destination) -> Export:
        """Begin serving. The service's labels are not added: Prometheus has them from the catalogue.

        Raises:
            ProblemsError: the URL names no host and port, or that port cannot be had.
        """
        parts = urlsplit(destination.url)
        if (
            parts.scheme != "http"
            or not parts.hostname
            or parts.port is None
            or parts.path not in ("", "/", "/metrics")
        ):
            raise bad_url(
                f"prometheus+{destination.url}", "cannot be served", "prometheus+http://ADDRESS:PORT, of this machine"
            )
        return _Serving(serve(parts.port, parts.hostname, registry=source.registry))


class _Serving:
    """One server.

    Parameters:
        server: the server.
    """

    counts: Counts = NOTHING
    failure = ""

    def __init__(self, server: Server) -> None:
        self._server = server

    def flush(self, timeout: float = 5.0) -> bool:
        """Nothing waits here."""
        return True

    def close(self, timeout: float = 2.0) -> bool:
        """Serve no more."""
        self._server.close(timeout)
        return True
