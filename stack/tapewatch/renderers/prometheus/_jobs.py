"""Scrape jobs of the catalogue's services: one a scrape profile, and one for each service that is discovered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tapewatch.catalogue import Catalogue, Service
from tapewatch.catalogue.model import Discovery, Scrape
from tapewatch.renderers.prometheus._targets import target_labels
from tapewatch_sdk.names import DRILL_JOB, DRILL_PREFIX

__all__ = ["discovered_jobs", "drill_job", "profile_job"]

TARGETS_AGAIN = "30s"
"""How often files of targets are read when no notice of a change came, as on file systems without inotify."""

DRILLS_AGAIN = "5s"
"""The same for drills, where somebody waits for it."""


def profile_job(job: str, scrape: Scrape, catalogue: Catalogue) -> dict[str, Any]:
    """The job of a scrape profile, which takes its targets from `targets/<job>.yml`."""
    return {
        "job_name": job,
        **_settings(scrape, catalogue.defaults.scrape),
        "file_sd_configs": [{"files": [f"targets/{job}.yml"], "refresh_interval": TARGETS_AGAIN}],
    }


def drill_job() -> dict[str, Any]:
    """The job of drills, which has targets only while a drill runs."""
    return {
        "job_name": DRILL_JOB,
        "fallback_scrape_protocol": "PrometheusText0.0.4",
        "file_sd_configs": [{"files": [f"targets/{DRILL_PREFIX}*.yml"], "refresh_interval": DRILLS_AGAIN}],
    }


def discovered_jobs(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    """A job for each service whose targets are discovered, by name; no other job's name begins with `service-`."""
    for name in sorted(catalogue.services):
        service = catalogue.services[name]
        if service.discovery is not None:
            yield {
                "job_name": f"service-{name}",
                **_settings(service.scrape, catalogue.defaults.scrape),
                **_discovery(service.discovery),
                "relabel_configs": list(_relabelling(catalogue, name, service)),
            }


def _settings(scrape: Scrape, default: Scrape) -> dict[str, Any]:
    """How a job scrapes, as far as it differs from Prometheus's own defaults and from the `global` section."""
    settings: dict[str, Any] = {}
    if scrape.interval != default.interval:
        settings["scrape_interval"] = scrape.interval
    if scrape.timeout != default.timeout:
        settings["scrape_timeout"] = scrape.timeout
    if scrape.path != "/metrics":
        settings["metrics_path"] = scrape.path
    if scrape.scheme != "http":
        settings["scheme"] = scrape.scheme
    if scrape.tls is not None:
        settings["tls_config"] = scrape.tls.model_dump(exclude_defaults=True)
    settings.update(_credentials(scrape))
    settings["fallback_scrape_protocol"] = scrape.fallback_protocol
    return settings


def _credentials(scrape: Scrape) -> dict[str, Any]:
    given = scrape.credentials
    if given is None:
        return {}
    if given.type == "basic":
        return {"basic_auth": {"username": given.username, "password_file": given.password_file}}
    return {"authorization": {"type": "Bearer", "credentials_file": given.credentials_file}}


def _discovery(found: Discovery) -> dict[str, Any]:
    if found.dns is not None:
        port = {} if found.dns.port is None else {"port": found.dns.port}
        names = {"names": list(found.dns.names), "type": found.dns.type, **port}
        return {"dns_sd_configs": [{**names, "refresh_interval": found.dns.refresh}]}
    if found.file is not None:
        return {"file_sd_configs": [{"files": list(found.file.files), "refresh_interval": found.file.refresh}]}
    assert found.http is not None  # the catalogue's check sees to it that one of the three is given
    return {"http_sd_configs": [{"url": found.http.url, "refresh_interval": found.http.refresh}]}


def _relabelling(catalogue: Catalogue, name: str, service: Service) -> Iterator[dict[str, str]]:
    """Sets the labels that a group of fixed targets carries, over whatever the discovery says of them."""
    for label, value in target_labels(catalogue, name, service).items():
        yield {"target_label": label, "replacement": value.replace("$", "$$")}
