"""What tapewatch asks of a running Prometheus and a running Alertmanager, over their HTTP APIs."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, cast
from urllib.parse import urlencode

from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["Alertmanager", "Grafana", "Jaeger", "Loki", "Prometheus", "RefusedError", "Server"]

TIMEOUT = 5.0
"""Seconds that a server on this machine may take to answer."""


class RefusedError(ToolError):
    """A server answered, and said no.

    Parameters:
        status: the HTTP status.
        reason: what it said.
    """

    def __init__(self, server: str, url: str, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__([_refused(server, url, status, reason)])


class Server:
    """A server with an HTTP API.

    Parameters:
        url: where it answers, such as `http://127.0.0.1:9090`.
    """

    name = "server"

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def get(self, path: str, timeout: float = TIMEOUT, **parameters: str) -> str:
        """The body of the answer to a GET request.

        Raises:
            RefusedError: the server answered with a status of 400 and above.
            ToolError: it did not answer.
        """
        query = f"?{urlencode(parameters)}" if parameters else ""
        return self._ask(urllib.request.Request(f"{self.url}{path}{query}"), timeout)  # noqa: S310 -- a URL of ours

    def get_json(self, path: str, timeout: float = TIMEOUT, **parameters: str) -> Any:
        """The same, read as JSON."""
        return json.loads(self.get(path, timeout, **parameters))

    def post(
        self, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, timeout: float = TIMEOUT
    ) -> str:
        """The body of the answer to a POST request; raises like `get`."""
        request = urllib.request.Request(f"{self.url}{path}", data=body, headers=dict(headers or {}), method="POST")  # noqa: S310
        return self._ask(request, timeout)

    def metric(self, name: str) -> float | None:
        """What the server says of itself at `/metrics`: the value of the one series of a name; `None` without it."""
        for line in self.get("/metrics").splitlines():
            series, _, value = line.rpartition(" ")
            if series == name:
                return float(value)
        return None

    def _ask(self, request: urllib.request.Request, timeout: float) -> str:
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
                return cast(str, answer.read().decode("utf-8", "replace"))
        except urllib.error.HTTPError as error:
            said = error.read().decode("utf-8", "replace").strip()
            raise RefusedError(self.name, request.full_url, error.code, said) from error
        except (OSError, HTTPException) as error:
            raise ToolError([_silent(self.name, request.full_url, error)]) from error


class Prometheus(Server):
    """A Prometheus."""

    name = "Prometheus"

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query: `[{"metric": {...}, "value": [time, "1"]}]`."""
        return cast(list[dict[str, Any]], self.get_json("/api/v1/query", query=expr)["data"]["result"])

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that are pending or firing: `[{"labels", "annotations", "state", "activeAt", "value"}]`."""
        return cast(list[dict[str, Any]], self.get_json("/api/v1/alerts")["data"]["alerts"])

    def rules(self) -> list[dict[str, Any]]:
        """The loaded rules of all groups."""
        groups = self.get_json("/api/v1/rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def reload(self) -> None:
        """Let it read its files again; returns when the new configuration is live.

        Raises:
            RefusedError: the files are not right; the old configuration stays live, and the reason is told.
        """
        self.post("/-/reload", timeout=60.0)

    def version(self) -> str:
        """The version that it runs, such as `3.13.5`."""
        return str(self.get_json("/api/v1/status/buildinfo")["data"]["version"])


class Alertmanager(Server):
    """An Alertmanager."""

    name = "Alertmanager"

    def alerts(self, *matchers: str) -> list[dict[str, Any]]:
        """The alerts that it holds and that fit all matchers, such as `service="api"`, silenced and inhibited too."""
        query = urlencode([("filter", matcher) for matcher in matchers])
        return cast(list[dict[str, Any]], self.get_json(f"/api/v2/alerts{'?' if query else ''}{query}"))

    def reload(self) -> None:
        """Let it read its file again; raises like `Prometheus.reload`."""
        self.post("/-/reload", timeout=60.0)

    def version(self) -> str:
        """The version that it runs, such as `0.34.2`."""
        return str(self.get_json("/api/v2/status")["versionInfo"]["version"])


class Loki(Server):
    """A Loki."""

    name = "Loki"

    def version(self) -> str:
        """The version that it runs, such as `3.7.8`."""
        return str(self.get_json("/loki/api/v1/status/buildinfo")["version"])


class Jaeger(Server):
    """A Jaeger."""

    name = "Jaeger"


class Grafana(Server):
    """A Grafana.

    Parameters:
        url: where it answers.
        password: of its user admin; needed for all that changes something.
    """

    name = "Grafana"

    def __init__(self, url: str, password: str = "") -> None:
        super().__init__(url)
        self._password = password

    def reload(self, kind: str) -> None:
        """Let it read its provisioning files again; returns when it has.

        Parameters:
            kind: `datasources` or `dashboards`.

        Raises:
            RefusedError: the files are not right, or the password is not (status 401).
        """
        signed = base64.b64encode(f"admin:{self._password}".encode()).decode()
        self.post(f"/api/admin/provisioning/{kind}/reload", headers={"Authorization": f"Basic {signed}"}, timeout=60.0)

    def version(self) -> str:
        """The version that it runs, such as `13.2.3`."""
        return str(self.get_json("/api/health")["version"])


def _refused(server: str, url: str, status: int, reason: str) -> Problem:
    return Problem(
        code="server/refused",
        summary=f"{server} refused: {' '.join(reason.split())[:1000] or f'HTTP {status}'}",
        must=f"{server} accepts what it is asked for at {url}",
        fix="mend what it names; it goes on with what it had",
        where=Place(path=url),
    )


def _silent(server: str, url: str, error: Exception) -> Problem:
    reason = getattr(error, "reason", None) or error
    return Problem(
        code="server/silent",
        summary=f"{server} does not answer at {url}: {reason}",
        must=f"{server} runs and can be reached from here",
        fix="start the stack with `tapewatch up`, and see `tapewatch status` and `tapewatch logs`",
        where=Place(path=url),
    )
