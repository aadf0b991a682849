"""Scrape jobs as the operator writes them: one ScrapeConfig a job, several when it has thousands of targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.deployment import Kubernetes
from tapewatch.renderers.kubernetes._objects import Object, chunks, operated
from tapewatch.renderers.kubernetes._secrets import reference
from tapewatch.renderers.kubernetes._shards import HASH, shard_job
from tapewatch.renderers.prometheus import scraping
from tapewatch.renderers.where import Where

__all__ = ["USER", "scrape_configs"]

USER = "tapewatch-users"
"""Secret of our own with the user names that jobs and remote ends sign in with; the operator takes them from nowhere
else, though they are no secrets."""

_SETTINGS = {
    "scrape_interval": "scrapeInterval",
    "scrape_timeout": "scrapeTimeout",
    "metrics_path": "metricsPath",
    "fallback_scrape_protocol": "fallbackScrapeProtocol",
}
"""What is called otherwise, and is the same."""


def scrape_configs(catalogue: Catalogue, kubernetes: Kubernetes, where: Where) -> Iterator[Object]:
    """Every job but that of drills, which finds its targets in files. A job without targets is left out."""
    for job, groups in scraping(catalogue, where):
        found = job.get("static_configs", []) if groups is None else groups
        if job["job_name"] == "node-exporter":
            yield _object(catalogue, kubernetes, job, job["job_name"], _each_node(job))
        elif found:
            for name, part in chunks(job["job_name"], found):
                yield _object(catalogue, kubernetes, job, name, {"staticConfigs": part})
        elif groups is None:
            yield _object(catalogue, kubernetes, job, job["job_name"], _discovered(job))
    if catalogue.stack.shards > 1:
        yield operated("ScrapeConfig", "shard", kubernetes.namespace, shard_job(catalogue), "v1alpha1")


def _object(
    catalogue: Catalogue, kubernetes: Kubernetes, job: Mapping[str, Any], name: str, targets: Mapping[str, Any]
) -> Object:
    spec = {
        "jobName": job["job_name"],
        **{ours: job[theirs] for theirs, ours in _SETTINGS.items() if theirs in job},
        **({"scheme": job["scheme"].upper()} if "scheme" in job else {}),
        **_sign_in(catalogue, kubernetes, job),
        **targets,
    }
    if relabelling := [*targets.get("relabelings", []), *_by_service(catalogue)]:
        spec["relabelings"] = relabelling
    return operated("ScrapeConfig", name, kubernetes.namespace, spec, "v1alpha1")


def _by_service(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    """Shards take a service as a whole, so that every rule sees all of it."""
    if catalogue.stack.shards > 1:
        yield {"action": "replace", "sourceLabels": ["service"], "targetLabel": HASH}


def _sign_in(catalogue: Catalogue, kubernetes: Kubernetes, job: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if basic := job.get("basic_auth"):
        found["basicAuth"] = {
            "username": {"name": USER, "key": basic["username"]},
            "password": reference(catalogue, kubernetes, basic["password_file"]),
        }
    if given := job.get("authorization"):
        credentials = reference(catalogue, kubernetes, given["credentials_file"])
        found["authorization"] = {"type": given["type"], "credentials": credentials}
    if tls := job.get("tls_config"):
        found["tlsConfig"] = _tls(catalogue, kubernetes, tls)
    return found


def _tls(catalogue: Catalogue, kubernetes: Kubernetes, tls: Mapping[str, Any]) -> dict[str, Any]:
    """The same from Secrets; the key of a client alone is a Secret without saying so."""
    found: dict[str, Any] = {}
    for theirs, ours in (("ca_file", "ca"), ("cert_file", "cert")):
        if file := tls.get(theirs):
            found[ours] = {"secret": reference(catalogue, kubernetes, file)}
    if file := tls.get("key_file"):
        found["keySecret"] = reference(catalogue, kubernetes, file)
    if name := tls.get("server_name"):
        found["serverName"] = name
    if tls.get("insecure_skip_verify"):
        found["insecureSkipVerify"] = True
    return found


def _discovered(job: Mapping[str, Any]) -> dict[str, Any]:
    """Where targets are found; files of targets are refused by the catalogue's check."""
    found: dict[str, Any] = {}
    if dns := job.get("dns_sd_configs"):
        found["dnsSDConfigs"] = [_renamed(each) for each in dns]
    if http := job.get("http_sd_configs"):
        found["httpSDConfigs"] = [_renamed(each) for each in http]
    labels = [(each["target_label"], each["replacement"]) for each in job.get("relabel_configs", [])]
    return {**found, "relabelings": [_fixed(label, value) for label, value in labels]}


def _renamed(config: Mapping[str, Any]) -> dict[str, Any]:
    return {("refreshInterval" if key == "refresh_interval" else key): value for key, value in config.items()}


def _fixed(label: str, replacement: str) -> dict[str, str]:
    return {"action": "replace", "targetLabel": label, "replacement": replacement}


def _each_node(job: Mapping[str, Any]) -> dict[str, Any]:
    """Each node has an exporter of its own: its Service has no address, and its name stands for all of theirs."""
    group = job["static_configs"][0]
    host, _, port = group["targets"][0].rpartition(":")
    found = {"names": [host], "type": "A", "port": int(port), "refreshInterval": "30s"}
    return {"dnsSDConfigs": [found], "relabelings": [_fixed(*label) for label in group["labels"].items()]}
