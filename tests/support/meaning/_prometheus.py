"""Targets, settings and rules, out of what Prometheus reads; every way of writing is first brought into that form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from support.meaning._model import Meaning

__all__ = ["PLACE", "Own", "add_rules", "add_settings", "add_targets", "secret_of"]

PLACE = "place"
"""Key of a job that stands in a file of its own: file and path."""

Data = dict[str, Any]

NOT_COMPARED = frozenset({"drill", "shard"})
"""Jobs that one way of running has and another has not: drills put their targets into files, which no cluster has."""

_HOW = {
    "scrape_interval": None,
    "scrape_timeout": None,
    "metrics_path": "/metrics",
    "scheme": "http",
    "fallback_scrape_protocol": None,
}
_TARGETS = ("static_configs", "file_sd_configs", "dns_sd_configs", "http_sd_configs")
_KNOWN = {PLACE, *_HOW, *_TARGETS, "job_name", "relabel_configs", "tls_config", "authorization", "basic_auth"}


class Own:
    """What belongs to the stack itself, whose hosts and ports differ by design.

    Parameters:
        parts: values of the label `service`.
        history: the service that is the history; where it is on loopback it asks for no key.
    """

    def __init__(self, parts: tuple[str, ...], history: str) -> None:
        self.parts = frozenset(parts)
        self.history = history


def add_targets(
    meaning: Meaning,
    config: Data,
    file: str,
    own: Own,
    groups_of: Callable[[str], list[Data]],
    secret: Callable[[str], str],
) -> None:
    """Every target with the labels that its samples carry, and how it is scraped."""
    for index, job in enumerate(config["scrape_configs"]):
        unknown = set(job) - _KNOWN
        assert not unknown, f"{file}: the comparison knows nothing of {sorted(unknown)}"
        if job["job_name"].rpartition("/")[2] in NOT_COMPARED:
            continue
        how = _how(job, config["global"], secret)
        place = job.get(PLACE, f"{file}: scrape_configs[{index}]")
        for number, (where, address, labels) in enumerate(_targets(job, groups_of)):
            before = {"job": job["job_name"], "__address__": address, **labels}
            final = _relabelled(before, job.get("relabel_configs", []))
            name, value = _named(final, how, address, own, number)
            meaning.add("target", name, value, f"{place}.{where}")


def _named(labels: dict[str, str], how: Data, address: str, own: Own, number: int) -> tuple[str, Data]:
    """A target's name, and what is compared of it."""
    service = labels.get("service", "")
    if service == own.history:
        without = {key: value for key, value in how.items() if key not in ("sign in",)}
        kept = {key: value for key, value in labels.items() if key not in ("instance", "job")}
        return f"the history {_ordinal(address)}", {"labels": kept, "how": without}
    if service in own.parts:
        kept = {key: value for key, value in labels.items() if key != "instance"}
        return f"{labels['job']} {number}", {"labels": kept, "how": how}
    return f"{labels['job']} {address}", {"labels": labels, "how": how}


def _ordinal(address: str) -> int:
    """Which member it is: by the letter of its host's name, or by how much higher its port is."""
    host, _, port = address.rpartition(":")
    found = re.search(r"-([b-z])$", host)
    return ord(found[1]) - ord("a") if found else int(port) % 1000 // 100


def _targets(job: Data, groups_of: Callable[[str], list[Data]]) -> Iterator[tuple[str, str, dict[str, str]]]:
    for kind in _TARGETS:
        for index, each in enumerate(job.get(kind, [])):
            where = f"{kind}[{index}]"
            if kind == "file_sd_configs":
                for file in each["files"]:
                    for number, group in enumerate(groups_of(file)):
                        yield from (
                            (f"{where}: {file}[{number}]", address, group.get("labels", {}))
                            for address in group["targets"]
                        )
            elif kind == "static_configs":
                yield from ((where, address, each.get("labels", {})) for address in each["targets"])
            else:
                found = ", ".join(f"{key}={value}" for key, value in sorted(each.items()))
                yield where, found, {}


def _relabelled(labels: dict[str, str], rules: list[Data]) -> dict[str, str]:
    """What Prometheus makes of a target's labels; only what our renderers and the operator use of relabelling."""
    labels = dict(labels)
    for rule in rules:
        action = rule.get("action", "replace")
        if action in ("hashmod", "keep") and any("__tmp" in each for each in rule["source_labels"]):
            continue  # a shard
        assert action == "replace", f"the comparison cannot relabel by {action}"
        value = rule.get("separator", ";").join(labels.get(each, "") for each in rule.get("source_labels", []))
        found = re.fullmatch(rule.get("regex", "(.*)"), value)
        if found:
            # `$` is doubled where it stands for itself.
            labels[rule["target_label"]] = rule.get("replacement", "$1").replace("$1", value).replace("$$", "$")
    labels.setdefault("instance", labels["__address__"])
    return {name: value for name, value in labels.items() if not name.startswith("__") and value}


def _how(job: Data, globally: Data, secret: Callable[[str], str]) -> Data:
    found = {key: job.get(key, globally.get(key, usual)) for key, usual in _HOW.items()}
    found["body_size_limit"] = globally.get("body_size_limit")
    found["tls"] = {
        key: secret(str(value)) if key.endswith("_file") else value for key, value in job.get("tls_config", {}).items()
    }
    found["sign in"] = _sign_in(job, secret)
    return found


def _sign_in(job: Data, secret: Callable[[str], str]) -> Any:
    if basic := job.get("basic_auth"):
        return ["basic", basic["username"], secret(basic.get("password_file") or basic["password"])]
    if given := job.get("authorization"):
        return [given.get("type", "Bearer"), secret(given.get("credentials_file") or given["credentials"])]
    return None


def add_settings(meaning: Meaning, config: Data, file: str, replica: str, secret: Callable[[str], str]) -> None:
    """What holds for all: how often rules are evaluated, labels of what leaves, where samples go besides."""
    globally = config["global"]
    meaning.add("setting", "evaluation_interval", globally["evaluation_interval"], f"{file}: global")
    labels = {key: "?" if key == replica else value for key, value in globally.get("external_labels", {}).items()}
    meaning.add("setting", "external_labels", labels, f"{file}: global.external_labels")
    meaning.add("setting", "storage", config["storage"], f"{file}: storage")
    meaning.add("setting", "otlp", {**config["otlp"], "promote_resource_attributes": sorted(
        config["otlp"]["promote_resource_attributes"])}, f"{file}: otlp")  # fmt: skip
    alerting = config["alerting"]
    meaning.add("setting", "labels dropped from alerts", [
        each["regex"] for each in alerting.get("alert_relabel_configs", [])], f"{file}: alerting")  # fmt: skip
    count = [len(group["targets"]) for each in alerting["alertmanagers"] for group in each["static_configs"]]
    meaning.add("setting", "alertmanagers", count, f"{file}: alerting.alertmanagers")
    for index, remote in enumerate(config.get("remote_write", [])):
        value = {**remote, "sign in": _sign_in(remote, secret)}
        for key in ("basic_auth", "authorization"):
            value.pop(key, None)
        meaning.add("setting", f"remote write {remote['name']}", value, f"{file}: remote_write[{index}]")


def add_rules(meaning: Meaning, groups: list[Data], file: str, prefix: str = "groups") -> None:
    """Every rule by its group, its name and its labels."""
    for number, group in enumerate(groups):
        for index, rule in enumerate(group["rules"]):
            name = rule.get("alert") or rule["record"]
            labels = "".join(f" {key}={value}" for key, value in sorted(rule.get("labels", {}).items()))
            value = {**rule, "interval": group.get("interval"), "for": rule.get("for", "0s")}
            meaning.add("rule", f"{group['name']}: {name}{labels}", value, f"{file}: {prefix}[{number}].rules[{index}]")


def secret_of(mapping: Mapping[str, str]) -> Callable[[str], str]:
    """What a file or a secret's value stands for."""
    return lambda value: mapping.get(value, value)
