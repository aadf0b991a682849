"""What a running Prometheus has loaded, held against the files on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from tapewatch.running.clients import Prometheus
from tapewatch.schema import seconds

__all__ = ["INSIDE", "differences"]

INSIDE = "/etc/prometheus"
"""Where the folder of its configuration lies in Prometheus's container."""

_Rules = dict[tuple[str, str, str], list[dict[str, Any]]]
"""Rules by their file, group and name; a name may stand there several times."""


def differences(server: Prometheus, config: Path) -> list[str]:
    """What Prometheus has not as its files say, in words; empty when its rules and targets are theirs.

    Compared are the rules with their expressions, durations, labels and annotations, the scrape jobs, and the targets
    that are listed in the configuration or in files. It takes up to 5 s until Prometheus notices new targets.

    Parameters:
        server: the running one.
        config: its configuration on disk; the rule and target files lie where that says, relative to it.
    """
    content = _read(config) or {}
    return [*_rule_differences(server, config.parent, content), *_target_differences(server, config.parent, content)]


def _read(path: Path) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), loader)  # noqa: S506 -- both are safe, and the first is fast


def _rule_differences(server: Prometheus, folder: Path, content: Mapping[str, Any]) -> Iterator[str]:
    wanted, loaded = _rules_on_disk(folder, content.get("rule_files") or ()), _loaded_rules(server)
    for key in wanted.keys() | loaded.keys():
        file, group, name = key
        where = f"{name} (group {group} of {file})"
        if key not in loaded:
            yield f"the rule {where} is not loaded"
        elif key not in wanted:
            yield f"the rule {where} is loaded, and is not in the files"
        elif wanted[key] != loaded[key]:
            yield f"the rule {where} is loaded otherwise"


def _rules_on_disk(folder: Path, patterns: Iterable[str]) -> _Rules:
    rules: _Rules = {}
    for path in (path for pattern in patterns for path in _files(folder, pattern)):
        content = _read(path) or {}
        for group in content.get("groups") or ():
            for rule in group.get("rules") or ():
                name = rule.get("alert") or rule.get("record")
                plain = {
                    "query": _normal(str(rule["expr"])),
                    "duration": float(seconds(rule["for"])) if rule.get("for") else 0.0,
                    "labels": {**(group.get("labels") or {}), **(rule.get("labels") or {})},
                    "annotations": rule.get("annotations") or {},
                }
                rules.setdefault((path.name, group["name"], name), []).append(plain)
    return rules


def _loaded_rules(server: Prometheus) -> _Rules:
    rules: _Rules = {}
    for group in server.get_json("/api/v1/rules")["data"]["groups"]:
        for rule in group["rules"]:
            plain = {
                "query": _normal(rule["query"]),
                "duration": float(rule.get("duration", 0)),
                "labels": rule.get("labels") or {},
                "annotations": rule.get("annotations") or {},
            }
            rules.setdefault((Path(group["file"]).name, group["name"], rule["name"]), []).append(plain)
    return rules


def _files(folder: Path, pattern: str) -> list[Path]:
    """The files that Prometheus finds by a pattern, which is relative to its configuration's folder or to `INSIDE`."""
    relative = pattern.removeprefix(f"{INSIDE}/")
    return [] if relative.startswith("/") else sorted(folder.glob(relative))


def _normal(expr: str) -> str:
    """An expression in one form, however it is written; what the parser does not know is empty, and so all alike."""
    try:
        return str(promql_parser.parse(expr).prettify())
    except ValueError:
        return ""


def _target_differences(server: Prometheus, folder: Path, content: Mapping[str, Any]) -> Iterator[str]:
    targets = server.get_json("/api/v1/targets", state="any")["data"]
    found = {
        (each["discoveredLabels"].get("job", ""), each["discoveredLabels"].get("__address__", ""))
        for each in (*(targets.get("activeTargets") or ()), *(targets.get("droppedTargets") or ()))
    }
    pools = set(server.get_json("/api/v1/scrape_pools")["data"]["scrapePools"] or ())
    jobs = {job["job_name"]: job for job in content.get("scrape_configs") or ()}
    for name in sorted(jobs.keys() ^ pools):
        yield f"the scrape job {name} " + ("is not there" if name in jobs else "is there, and is not in the files")
    for name, job in jobs.items():
        wanted = set(_addresses(folder, job))
        there = {address for each, address in found if each == name}
        yield from (f"the target {address} of job {name} is not there" for address in sorted(wanted - there))
        if not _is_discovered(job):
            yield from (f"the target {address} of job {name} is still there" for address in sorted(there - wanted))


def _addresses(folder: Path, job: Mapping[str, Any]) -> Iterator[str]:
    groups = list(job.get("static_configs") or ())
    for source in job.get("file_sd_configs") or ():
        for path in (path for pattern in source["files"] for path in _files(folder, pattern)):
            groups += _read(path) or ()
    for group in groups:
        yield from group.get("targets") or ()


def _is_discovered(job: Mapping[str, Any]) -> bool:
    """Whether targets of a job come from elsewhere too, so that there are some that no file lists."""
    return any(key.endswith("_sd_configs") and key != "file_sd_configs" for key in job)
