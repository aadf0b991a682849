"""Plugins that are installed for a test, and that another process sees in another way than this one."""

from __future__ import annotations

import os
from collections.abc import Iterator

from tapewatch_sdk.plugins import API_VERSION, Dashboard, File, Request
from tapewatch_sdk.problems import Place, Problem, Severity


class Home:
    """Writes where it runs."""

    name = "home"
    api_version = API_VERSION

    def render(self, request: Request) -> Iterator[File]:
        yield File("provisioning/home/home.txt", os.environ.get("HOME", "") + "\n")

    def dashboards(self, request: Request) -> Iterator[Dashboard]:
        yield Dashboard("house", "home", {"uid": "house", "title": os.environ.get("HOME", ""), "schemaVersion": 42})

    def run(self, request: Request) -> Iterator[Problem]:
        found = os.environ.get("HOME", "")
        yield Problem("home/home", found, "must", "fix", Place(path="home"), Severity.WARNING)


class Eager:
    """Reads a file when it is made."""

    name = "eager"
    api_version = API_VERSION

    def __init__(self) -> None:
        self.lines = list(os.scandir("."))

    def render(self, request: Request) -> Iterator[File]:
        yield File("provisioning/eager/eager.txt", "eager\n")


class EagerBoards:
    """Reads a file when it is made."""

    name = "eager"
    api_version = API_VERSION

    def __init__(self) -> None:
        self.lines = list(os.scandir("."))

    def dashboards(self, request: Request) -> Iterator[Dashboard]:
        panel = {"id": 1, "title": "x", "type": "text", "gridPos": {"x": 0, "y": 0, "w": 1, "h": 1}}
        yield Dashboard("eager", "eager", {"uid": "eager", "title": "x", "schemaVersion": 42, "panels": [panel]})


class EagerCheck:
    """Reads a file when it is made."""

    name = "eager"
    api_version = API_VERSION

    def __init__(self) -> None:
        self.lines = list(os.scandir("."))

    def run(self, request: Request) -> Iterator[Problem]:
        yield Problem("eager/eager", "summary", "must", "fix", Place(path="eager"), Severity.WARNING)
