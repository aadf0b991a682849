"""Typed instruments: the catalogue's metric families as a Python module and as a Rust module.

| module | what |
|---|---|
| names | identifiers of both languages |
| plan | what both modules declare, and what neither could |
| python, rust | the text of each |
| runtime | the part of the Rust module that is the same for every catalogue |
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.instruments.names import module_name
from tapewatch.renderers.instruments.plan import plan
from tapewatch.renderers.instruments.python import python_module
from tapewatch.renderers.instruments.rust import rust_module
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["INSTRUMENTS", "RUST", "InstrumentsRenderer"]

INSTRUMENTS = f"{layout.PROVISIONING}/instruments"
"""The folder of both modules; a Python service puts it on its path, a Rust service names the file in `#[path]`."""

RUST = f"{INSTRUMENTS}/metrics.rs"
"""The Rust module."""


class InstrumentsRenderer:
    """`instruments/PLATFORM_metrics.py` and `instruments/metrics.rs`."""

    name = "instruments"
    api_version = API_VERSION

    def render(self, request: Request) -> Iterator[File]:
        """The Python module, then the Rust module.

        Raises:
            ProblemsError: names that are two in the catalogue would be one in a program.
        """
        catalogue = cast(Catalogue, request.catalogue)
        domains = plan(catalogue, request.locate)
        yield File(f"{INSTRUMENTS}/{module_name(catalogue.platform.name)}.py", python_module(catalogue, domains))
        yield File(RUST, rust_module(domains))
