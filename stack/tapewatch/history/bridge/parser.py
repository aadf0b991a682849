"""An answer into series and values.

What Prometheus stores of an answer is read, and nothing else: it breaks off at the first line that breaks the format,
and then nothing of the answer is taken. One answer is refused that Prometheus takes: a text without a line feed at its
end. It may have been cut off in the midst of a number, which then is another one.
"""

from __future__ import annotations

from tapewatch.history.bridge.reading import read
from tapewatch.history.bridge.template import Template
from tapewatch.history.samples import EMPTY, Layout, Series, Values
from tapewatch.verifying.lines import OPENMETRICS, TEXT, FormatError, Syntax

__all__ = ["GarbageError", "Parser"]

_MEDIA_TYPES = {"application/openmetrics-text": OPENMETRICS, "text/plain": TEXT}
_SHOWN = 80
"""Characters of an odd Content-Type that are shown."""


class GarbageError(Exception):
    """An answer is not what its format says; the text says why, and where it can the line."""


class Parser:
    """Reads the answers of one target.

    Parameters:
        fallback: what an answer without a usable Content-Type is read as, such as `PrometheusText0.0.4`; empty: it is
            refused.
    """

    def __init__(self, fallback: str = "") -> None:
        self._fallback = (OPENMETRICS if fallback.startswith("OpenMetrics") else TEXT) if fallback else None
        self._template: Template | None = None
        self._layout = EMPTY

    def parse(self, body: bytes, content_type: str) -> tuple[Layout, Values]:
        """Series and values of an answer; the layout is the last answer's object while its series are the same.

        Of a series that stands there twice the first value is kept, or, if they have timestamps, the newest.

        Raises:
            GarbageError: the answer breaks its format, or its Content-Type is no format of metrics.
        """
        syntax = self._syntax(content_type)
        lines = body.split(b"\n")
        if self._template is not None and self._template.syntax is syntax:
            values = self._template.values(lines)
            if values is not None:
                return self._template.layout, values
        try:
            return self._read(body, lines, syntax)
        except FormatError as error:
            where = f"line {error.line}, column {error.column}"
            raise GarbageError(f"its answer breaks {syntax.name} in {where}: {error.message}") from None

    def _read(self, body: bytes, lines: list[bytes], syntax: Syntax) -> tuple[Layout, Values]:
        """Reads every line, and remembers what the answer looks like."""
        _check_characters(body)
        same = self._template is not None and self._template.syntax is syntax
        reading = read(lines, syntax, self._template.known if self._template and same else {})
        kept = reading.kept
        series = tuple(reading.series if kept is None else (reading.series[index] for index in kept))
        values = reading.values if kept is None else reading.values[kept]
        self._layout = self._same_or_new(series)
        self._template = Template(lines, syntax, reading, self._layout) if reading.steady else None
        return self._layout, values

    def _same_or_new(self, series: tuple[Series, ...]) -> Layout:
        return self._layout if series == self._layout.series else Layout(series)

    def _syntax(self, content_type: str) -> Syntax:
        """The format that a Content-Type names.

        Raises:
            GarbageError: it names none, and nothing is said of such answers.
        """
        media = content_type.partition(";")[0].strip().lower()
        syntax = _MEDIA_TYPES.get(media) or self._fallback
        if syntax is None:
            said = f"the Content-Type `{content_type[:_SHOWN]}`" if content_type else "no Content-Type"
            raise GarbageError(f"its answer has {said}, and no format is agreed on for that")
        return syntax


def _check_characters(body: bytes) -> None:
    """Whether a text is UTF-8 with plain line feeds."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        before = body[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise FormatError(f"the byte 0x{body[error.start]:02X} is no UTF-8", line, column) from None
    if b"\r\n" in body:
        line = body[: body.index(b"\r\n")].count(b"\n") + 1
        raise FormatError("the line ends in CR LF; it must end in LF alone", line, 1)
