"""Grafana Alloy: collects the logs of services that only print them. An optional part of the stack."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.where import Locate, compose
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["AlloyRenderer"]

_METADATA = ("correlation_id", "trace_id", "span_id")
"""Fields of a JSON log line that are kept beside it, searchable, without making a stream of their own."""


class AlloyRenderer:
    """`alloy/config.alloy`.

    Parameters:
        locate: where the parts of the stack are; in compose, unless told otherwise.
    """

    name = "alloy"
    api_version = API_VERSION

    def __init__(self, locate: Locate = compose) -> None:
        self._locate = locate

    def render(self, request: Request) -> Iterator[File]:
        """The one file, also when no service needs it: the profile is then there and does nothing."""
        catalogue = cast(Catalogue, request.catalogue)
        where = self._locate(catalogue.stack.ports)
        text = _template(
            header=layout.HEADER,
            environment=catalogue.environment,
            formats=_printing(catalogue),
            metadata=_METADATA,
            push_url=f"http://{where.reach('loki')}/loki/api/v1/push",
        )
        yield File(f"{layout.ALLOY}/config.alloy", text)


def _printing(catalogue: Catalogue) -> Mapping[str, list[str]]:
    """The services that print their logs to standard output, sorted, by the format of their lines."""
    formats: dict[str, list[str]] = {}
    for name in sorted(catalogue.services):
        logs = catalogue.services[name].logs
        if logs.via == "stdout":
            formats.setdefault(logs.format, []).append(name)
    return dict(sorted(formats.items()))


def _template(**values: object) -> str:
    from jinja2 import Environment, StrictUndefined  # takes 40 ms, which no other renderer should pay

    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701
    )
    # Alloy writes text in quotes as JSON does.
    environment.filters["quoted"] = json.dumps
    source = files("tapewatch.renderers").joinpath("config.alloy.j2").read_text(encoding="utf-8")
    return environment.from_string(source).render(**values)
