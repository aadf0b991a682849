"""Groups services by how they are scraped, and gives each way a name that a person can read."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.model import Scrape

__all__ = ["DEFAULT_JOB", "Profile", "profiles"]

DEFAULT_JOB = "services"
"""The job of services that are scraped the way `defaults.scrape` says."""

_LONGEST = 60
"""Characters of a job's name before it is cut; it becomes a file name and a label value."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Services that are scraped alike.

    Parameters:
        scrape: how.
        services: their names, sorted; a service's place in the catalogue means nothing here.
    """

    scrape: Scrape
    services: list[str] = field(default_factory=list)


def profiles(catalogue: Catalogue) -> Mapping[str, Profile]:
    """Every scrape profile by the name of its job, the default one first, the others by name.

    The default profile is there even without services, so that the first one to come needs no reload. Services that
    push, and those whose targets are discovered, are in none.
    """
    default = catalogue.defaults.scrape
    found = {repr(default): Profile(default)}
    for name in sorted(name for name, service in catalogue.services.items() if service.targets):
        scrape = catalogue.services[name].scrape
        found.setdefault(repr(scrape), Profile(scrape)).services.append(name)
    others = [profile for key, profile in found.items() if key != repr(default)]
    return {DEFAULT_JOB: found[repr(default)], **dict(sorted(_named(others, default)))}


def _named(others: list[Profile], default: Scrape) -> Iterator[tuple[str, Profile]]:
    """Names of jobs: what differs from the default in words, and a check sum where words alone would not tell."""
    words = {id(profile): _words(profile.scrape, default) for profile in others}
    taken = Counter(words.values())
    for profile in others:
        name = words[id(profile)]
        unclear = taken[name] > 1 or len(name) > _LONGEST or name == DEFAULT_JOB
        yield (f"{name[:_LONGEST]}-{_check_sum(profile.scrape)}" if unclear else name), profile


def _words(scrape: Scrape, default: Scrape) -> str:
    words = [DEFAULT_JOB]
    if scrape.path != default.path:
        words.append(scrape.path)
    if scrape.scheme != default.scheme:
        words.append(scrape.scheme)
    if scrape.tls != default.tls:
        words.append("tls" if scrape.tls else "no-tls")
    if scrape.credentials != default.credentials:
        words.append(f"{scrape.credentials.type} {scrape.credentials.username or ''}" if scrape.credentials else "open")
    if scrape.interval != default.interval:
        words.append(f"every {scrape.interval}")
    if scrape.timeout != default.timeout:
        words.append(f"within {scrape.timeout}")
    if scrape.fallback_protocol != default.fallback_protocol:
        words.append(scrape.fallback_protocol)
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")


def _check_sum(scrape: Scrape) -> str:
    return hashlib.sha256(scrape.model_dump_json().encode()).hexdigest()[:8]
