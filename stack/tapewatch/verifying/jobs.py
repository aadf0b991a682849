"""One service each: asked in a thread of its own, judged afterwards."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tapewatch.catalogue import Loaded, Service
from tapewatch.verifying.changes import changes
from tapewatch.verifying.contract import violations
from tapewatch.verifying.exposition import Exposition
from tapewatch.verifying.lines import OPENMETRICS, TEXT, FormatError, Syntax
from tapewatch.verifying.pushed import PUSHES, NotPushedError, Store
from tapewatch.verifying.scanner import scan
from tapewatch.verifying.scraping import Answer, Scraper, SecretError, UnansweredError
from tapewatch.verifying.subject import Subject
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["Checked", "Job", "PushedJob", "ScrapedJob", "UnfoundJob"]

_FORMATS = {"application/openmetrics-text": OPENMETRICS, "text/plain": TEXT}


@dataclass(frozen=True, slots=True)
class Checked:
    """A service that was held against the catalogue.

    Parameters:
        service: its name.
        url: where it was read.
        families: how many of its families were there.
        declared: how many there should be.
        series: how many series it has.
        problems: what is wrong.
    """

    service: str
    url: str
    families: int
    declared: int
    series: int
    problems: tuple[Problem, ...]


class Job(ABC):
    """A service at one place.

    Parameters:
        loaded: the catalogue.
        name: the service.
        url: where it is read.
    """

    def __init__(self, loaded: Loaded, name: str, url: str) -> None:
        self.loaded = loaded
        self.name = name
        self.url = url
        self._exposition = Exposition({})

    @abstractmethod
    def look(self) -> None:
        """Ask; nothing else, since many wait for answers at the same time.

        Raises:
            ToolError: the service cannot be asked, for a reason that is not its own.
        """

    @abstractmethod
    def problems(self) -> Iterator[Problem]:
        """What is wrong with what was answered."""

    @property
    def service(self) -> Service:
        """The service as the catalogue has it."""
        return self.loaded.catalogue.services[self.name]

    def judge(self) -> Checked:
        """What came out."""
        problems = tuple(self.problems())
        subject = self.subject(self._exposition)
        there = len(subject.families.keys() & self._exposition.families.keys())
        return Checked(self.name, self.url, there, len(subject.families), self._exposition.series, problems)

    def subject(self, exposition: Exposition) -> Subject:
        """What was read, beside the catalogue; the newest counts in the end."""
        self._exposition = exposition
        return Subject(self.loaded, self.name, self.url, exposition)


class ScrapedJob(Job):
    """A service that is scraped.

    Parameters:
        path: where the catalogue says the URL, or the service.
        secrets: the folder of the files that TLS and credentials need; none: where the catalogue says.
        again: seconds until it is looked at once more; 0 for one look.
    """

    def __init__(
        self, loaded: Loaded, name: str, url: str, path: tuple[str | int, ...], secrets: Path | None, again: float
    ) -> None:
        super().__init__(loaded, name, url)
        self._path = path
        self._secrets = secrets
        self._again = again
        self._answers: list[Answer | UnansweredError] = []

    def look(self) -> None:
        """Scrape; the second time in the text format, so that both formats are seen of a service that has both."""
        try:
            scraper = Scraper(self.url, self.service.scrape, self._secrets)
        except SecretError as error:
            raise ToolError([self._secret(error)]) from None
        for text_only in (False, True) if self._again else (False,):
            if text_only:
                time.sleep(self._again)
            try:
                self._answers.append(scraper.get(text_only))
            except UnansweredError as error:
                self._answers.append(error)
                return

    def problems(self) -> Iterator[Problem]:
        """Everything wrong with the first answer; of the second what the first did not have."""
        first, *second = self._answers
        before, found = self._read(first)
        if before is not None:
            found += violations(self.subject(before))
        yield from found
        if not second or before is None:
            return
        after, more = self._read(second[0])
        if after is None:
            yield from more
            return
        subject = self.subject(after)
        if not found:
            yield from (*more, *violations(subject))
        yield from changes(subject, before)

    def _read(self, answer: Answer | UnansweredError) -> tuple[Exposition | None, list[Problem]]:
        """What stands in an answer, unless its format is broken."""
        if isinstance(answer, UnansweredError):
            return None, [self._unanswered(answer)]
        media = answer.content_type.partition(";")[0].strip().lower()
        syntax = _FORMATS.get(media)
        found = [] if syntax else [self._content_type(answer.content_type)]
        fallback = OPENMETRICS if self.service.scrape.fallback_protocol.startswith("OpenMetrics") else TEXT
        try:
            return scan(answer.body, syntax or fallback), found
        except FormatError as error:
            return None, found or [self._broken(error, answer.body, syntax or fallback)]

    # --- what goes wrong before anything can be read

    @property
    def _address(self) -> Place:
        return self.loaded.document.place(self._path)

    def _unanswered(self, error: UnansweredError) -> Problem:
        summary = f"`{self.name}` at {self.url} {error.reason}"
        match error.kind:
            case "status":
                must, fix = "a scrape is answered with 200", "correct the path, the credentials or the service"
                return Problem("verify/status", summary, must, fix, self._address)
            case "too-slow":
                must = "a scrape is answered within `scrape.timeout`, or Prometheus gives it up"
                fix = "let the service collect faster, or raise the timeout"
                return Problem("verify/too-slow", summary, must, fix, self._address)
            case "too-large":
                must = "an answer is no larger than the generated Prometheus takes"
                return Problem("verify/too-large", summary, must, "find the labels that explode", self._address)
        must = "every service of the catalogue answers where the catalogue says"
        fix = "start it, or correct its address; --host or --url look for it elsewhere"
        return Problem("verify/no-answer", summary, must, fix, self._address)

    def _content_type(self, content_type: str) -> Problem:
        said = f"the Content-Type `{content_type}`" if content_type else "no Content-Type"
        return Problem(
            "verify/content-type",
            f"`{self.name}` at {self.url} answers with {said}",
            "it is `text/plain; version=0.0.4` or `application/openmetrics-text; version=1.0.0`",
            "set the header; without it Prometheus can only guess, by `scrape.fallback_protocol`",
            self._address,
        )

    def _broken(self, error: FormatError, body: bytes, syntax: Syntax) -> Problem:
        lines = body.decode(errors="replace").split("\n")
        text = lines[error.line - 1].rstrip("\r")
        return Problem(
            "verify/bad-format",
            f"what `{self.name}` answers breaks {syntax.name}: {error.message}",
            "the whole answer keeps the format that its Content-Type names; Prometheus drops one that does not",
            "write it with a client library, or correct this line; more may be wrong below it",
            Place(self.url, error.line, error.column, f"services.{self.name}", text, error.column, error.length),
        )

    def _secret(self, error: SecretError) -> Problem:
        return Problem(
            "verify/secret",
            f"`{self.name}` was not looked at: its `{error.setting}` {error.file} cannot be used: {error.reason}",
            "the files that TLS and credentials need are on this machine too",
            "name the folder that holds them with --secrets",
            self.loaded.document.place(("services", self.name), key=True),
        )


class UnfoundJob(Job):
    """A service whose targets are discovered, and none was."""

    def look(self) -> None:
        """There is nobody to ask."""

    def problems(self) -> Iterator[Problem]:
        """That it was not found."""
        yield Problem(
            "verify/no-targets",
            f"Prometheus at {self.url} has found no target of `{self.name}`",
            "a service whose addresses are discovered is found",
            "see Status, Service discovery in Prometheus; or look at one instance with --url",
            self.loaded.document.place(("services", self.name, "discovery"), key=True),
        )


class PushedJob(Job):
    """A service that pushes.

    Parameters:
        store: what Prometheus knows.
    """

    def __init__(self, loaded: Loaded, name: str, store: Store) -> None:
        super().__init__(loaded, name, store.url)
        self._store = store
        self._pushes: tuple[Exposition, Exposition | None] | NotPushedError

    def look(self) -> None:
        """Ask Prometheus."""
        try:
            self._pushes = self._store.pushes(self.name)
        except NotPushedError as error:
            self._pushes = error

    def problems(self) -> Iterator[Problem]:
        """Everything wrong with the newest push, also beside the one before."""
        if isinstance(self._pushes, NotPushedError):
            yield self._not_pushed(self._pushes)
            return
        now, before = self._pushes
        subject = self.subject(now)
        yield from violations(subject)
        if before is not None:
            yield from changes(subject, before)

    def _not_pushed(self, error: NotPushedError) -> Problem:
        place = self.loaded.document.place(("services", self.name), key=True)
        interval = self.service.push.interval
        if error.age is not None:
            return Problem(
                "verify/stale",
                f"`{self.name}` last pushed {error.age:,.0f} s ago, by what Prometheus has at {self.url}",
                f"it pushes every {interval}; {PUSHES} intervals are allowed",
                "see whether it runs, and what its exporter logs",
                place,
            )
        return Problem(
            "verify/not-pushed",
            f"Prometheus at {self.url} has no series of `{self.name}` from the last hour",
            f'it pushes every {interval}, and every data point carries service="{self.name}"',
            "see whether it runs, where it pushes to, and that the label is on the data points themselves",
            place,
        )
