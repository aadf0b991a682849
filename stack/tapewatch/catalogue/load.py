"""`catalogue.yaml` -> `Catalogue`, or every problem that stands in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tapewatch import documents
from tapewatch.catalogue.inherit import with_defaults, written_path
from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.validation import validate
from tapewatch.interpolation import interpolate
from tapewatch.schema import problem_of
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Problem, Severity

__all__ = ["Loaded", "load", "load_text"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A catalogue together with the document it was read from, so that findings can be placed in it.

    Parameters:
        catalogue: the catalogue.
        document: what it was read from.
        warnings: what is doubtful in it, and yet no reason to refuse it.
    """

    catalogue: Catalogue
    document: documents.Document
    warnings: tuple[Problem, ...] = ()


def load(path: Path, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read, interpolate and check a catalogue.

    Parameters:
        path: the catalogue's file.
        environ: variables for `${NAME:-default}`; by default none, so that committed files are rendered with
            the defaults on every machine.

    Raises:
        ProblemsError: with everything that is wrong.
    """
    return _load(documents.read(path), environ or {})


def load_text(text: str, name: str = "catalogue.yaml", environ: Mapping[str, str] | None = None) -> Loaded:
    """The same for a catalogue that is already in memory; `name` stands for its file in problems."""
    return _load(documents.parse(text, name), environ or {})


def _load(document: documents.Document, environ: Mapping[str, str]) -> Loaded:
    data, problems = interpolate(document.data, environ, document=document)
    try:
        catalogue = Catalogue.model_validate(with_defaults(data))
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            written = {**detail, "loc": written_path(document, detail["loc"])}
            problems.append(problem_of(written, document, Catalogue, "catalogue"))
        raise ProblemsError(_once(problems)) from None
    problems += validate(catalogue, document)
    found = _once(problems)
    if any(problem.severity is Severity.ERROR for problem in found):
        raise ProblemsError(found)
    return Loaded(catalogue, document, tuple(found))


def _once(problems: Sequence[Problem]) -> list[Problem]:
    """Each problem once: a wrong default is found again in every service that inherits it."""
    return list(dict.fromkeys(problems))
