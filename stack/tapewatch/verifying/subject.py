"""One service's exposition beside what the catalogue says of it, and where each problem is placed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from tapewatch.catalogue import Loaded, Service
from tapewatch.catalogue.inherit import written_path
from tapewatch.verifying.exposition import Exposed, Exposition, Sample
from tapewatch_sdk.families import Family
from tapewatch_sdk.names import GROUP_LABELS, TARGET_LABELS
from tapewatch_sdk.problems import Place

__all__ = ["Subject"]


@dataclass(frozen=True)
class Subject:
    """A service that is held against the catalogue.

    Parameters:
        loaded: the catalogue, with its document for places.
        name: the service.
        url: where the exposition was read: the service's own URL, or Prometheus's when it pushes.
        exposition: what it exposes.
    """

    loaded: Loaded
    name: str
    url: str
    exposition: Exposition

    @property
    def service(self) -> Service:
        """The service as the catalogue has it."""
        return self.loaded.catalogue.services[self.name]

    @property
    def pushes(self) -> bool:
        """Whether Prometheus was asked, not the service."""
        return self.service.mode == "push"

    @cached_property
    def families(self) -> Mapping[str, Family]:
        """The families that the service must expose, by name."""
        domains = self.loaded.catalogue.emits[self.name]
        return {name: each for name, each in self.loaded.catalogue.families.items() if each.domain in domains}

    @cached_property
    def target_labels(self) -> Mapping[str, str]:
        """The labels that Prometheus puts on every series of the service; one that pushes must do so itself.

        Those whose value the catalogue does not know (`job`, `instance`) are empty.
        """
        known = {"environment": self.loaded.catalogue.environment, "service": self.name, "team": self.service.team}
        assert known.keys() == set(GROUP_LABELS)
        return {**dict.fromkeys(sorted(TARGET_LABELS), ""), **known, **self.service.labels}

    def declared(self, family: Family) -> Place:
        """Where the catalogue declares a family."""
        return self.loaded.document.place(("domains", family.domain, family.name), key=True)

    def setting(self, *path: str) -> Place:
        """Where the catalogue says something about the service, or where its defaults do."""
        written = written_path(self.loaded.document, ("services", self.name, *path))
        return self.loaded.document.place(written, key=True)

    def says(self, family: Family) -> str:
        """`as catalogue.yaml:148 says`."""
        return f"as {cited(self.declared(family))} says"

    def at_type(self, exposed: Exposed, family: Family) -> Place:
        """The type on a TYPE line of the answer; where there is none, the first line of the family."""
        if exposed.type_line:
            return self._at(exposed.type_line, family, exposed.type)
        return self._at(exposed.line, family)

    def at_sample(self, sample: Sample, family: Family | None = None, word: str = "") -> Place:
        """A line of the answer, or a word of it; where there is no answer, where the catalogue declares the family."""
        return self._at(sample.line, family, word)

    def at_family(self, exposed: Exposed, family: Family | None = None) -> Place:
        """The first line of a family in the answer."""
        return self._at(exposed.line, family, exposed.name)

    def _at(self, line: int, family: Family | None, word: str = "") -> Place:
        if not line:
            return self.declared(family) if family else self.setting()
        path = f"domains.{family.domain}.{family.name}" if family else f"services.{self.name}"
        text = self.exposition.lines[line - 1]
        found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) if word else None
        column, length = (found.start() + 1, len(word)) if found else (1, len(text))
        return Place(self.url, line, column, path, text, column, max(length, 1))


def cited(place: Place) -> str:
    """`catalogue.yaml:148`."""
    return f"{place.file}:{place.line}"
