"""`long-term/...`: what the engine of `stack.long_term` reads, and the rules of its bucket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.long_term._lifecycle import lifecycle_file
from tapewatch.renderers.long_term._mimir import mimir_files
from tapewatch.renderers.long_term._thanos import thanos_files
from tapewatch.renderers.where import Locate, compose
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["LongTermRenderer"]


class LongTermRenderer:
    """`long-term/lifecycle.json` and the engine's own files, where `stack.long_term` is set; otherwise nothing.

    Parameters:
        locate: where the parts of the stack are; in compose, unless told otherwise.
    """

    name = "long-term"
    api_version = API_VERSION

    def __init__(self, locate: Locate = compose) -> None:
        self._locate = locate

    def render(self, request: Request) -> Iterator[File]:
        """The bucket's rules first, then what the engine reads."""
        catalogue = cast(Catalogue, request.catalogue)
        engine = catalogue.stack.long_term
        if engine is None:
            return
        where = self._locate(catalogue.stack.ports)
        yield File(f"{layout.LONG_TERM}/lifecycle.json", lifecycle_file(catalogue, engine))
        if catalogue.stack.own_engine:
            yield from (mimir_files if engine.engine == "mimir" else thanos_files)(request, where)
