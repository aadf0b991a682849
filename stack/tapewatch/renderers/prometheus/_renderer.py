"""`prometheus.yml`, and a file of targets for each scrape profile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.history import signed
from tapewatch.catalogue.stack import SHARD
from tapewatch.documents import dump
from tapewatch.renderers.intake import EXEMPLARS, OUT_OF_ORDER
from tapewatch.renderers.long_term.front import writes
from tapewatch.renderers.members import REPLICA, configuration_file, reach_all, shard_folder, with_histories
from tapewatch.renderers.prometheus._jobs import discovered_jobs, drill_job, profile_job
from tapewatch.renderers.prometheus._own import own_jobs
from tapewatch.renderers.prometheus._profiles import profiles
from tapewatch.renderers.prometheus._remote_write import remote_write
from tapewatch.renderers.prometheus._targets import target_groups
from tapewatch.renderers.where import Locate, Where, compose
from tapewatch.sharding.hashing import alert_relabelling, own_samples, own_targets
from tapewatch_sdk.names import DRILL_JOB, GROUP_LABELS
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["PrometheusRenderer", "configuration", "scraping"]

LARGEST_ANSWER = "16MB"
"""Above this a scrape fails instead of filling the memory: some 100,000 series, far over any `series_budget`."""

ALERTMANAGER_TIMEOUT = "3s"
"""How long one of several Alertmanagers may take for a batch of alerts; Prometheus's own 10s would let one that hangs
hold up the others' next batch for as long."""


class PrometheusRenderer:
    """`prometheus/prometheus.yml`, `prometheus/prometheus-1.yml` of a second shard, and `prometheus/targets/*.yml`.

    All services with the same scrape settings share one file-discovery job: a new service only changes a file of
    targets, which a running Prometheus reads by itself, and 10,000 services load as fast as ten.

    Parameters:
        locate: where the parts of the stack are; in compose, unless told otherwise.
    """

    name = "prometheus"
    api_version = API_VERSION

    def __init__(self, locate: Locate = compose) -> None:
        self._locate = locate

    def render(self, request: Request) -> Iterator[File]:
        """The configuration of each shard, then a file for each scrape profile, also for one without targets yet."""
        catalogue = cast(Catalogue, request.catalogue)
        where = self._locate(catalogue.stack.ports)
        scraped = list(scraping(catalogue, where))
        jobs = [*(job for job, _ in scraped), drill_job()]
        for shard in (None,) if catalogue.stack.shard_count == 1 else range(catalogue.stack.shard_count):
            whole = configuration(catalogue, where, jobs, shard)
            yield File(f"{layout.PROMETHEUS}/{configuration_file(shard or 0)}", dump(whole, layout.HEADER))
        for job, groups in scraped:
            if groups is not None:
                yield File(f"{layout.TARGETS}/{job['job_name']}.yml", dump(groups, layout.HEADER))


def scraping(catalogue: Catalogue, where: Where) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]] | None]]:
    """Every job but that of drills, and the groups of targets that stand in a file of the job's name, if it has one."""
    catalogue = with_histories(signed(catalogue) if where.keyed else catalogue, where)
    yield from ((job, None) for job in own_jobs(catalogue, where))
    for job, profile in profiles(catalogue).items():
        yield profile_job(job, profile.scrape, catalogue), target_groups(catalogue, profile.services)
    yield from ((job, None) for job in discovered_jobs(catalogue))


def configuration(
    catalogue: Catalogue, where: Where, jobs: list[dict[str, Any]], shard: int | None = None
) -> dict[str, Any]:
    """The whole of `prometheus.yml` as data.

    Parameters:
        catalogue: of the stack.
        where: where the parts are.
        jobs: the scrape jobs.
        shard: whose configuration it is; None where there are none, or where the operator of a cluster makes them.
    """
    scrape = catalogue.defaults.scrape
    found: dict[str, Any] = {
        "global": {
            "scrape_interval": scrape.interval,
            "scrape_timeout": scrape.timeout,
            "evaluation_interval": catalogue.defaults.evaluation_interval,
            "body_size_limit": LARGEST_ANSWER,
            **({"external_labels": labels} if (labels := _external_labels(catalogue, shard)) else {}),
        },
        "rule_files": ["rules/*.yml", *([] if shard is None else [f"rules/{shard_folder(shard)}/*.yml"])],
        "alerting": _alerting(catalogue, where, shard),
        "scrape_configs": jobs if shard is None else [_spread(catalogue, job, shard) for job in jobs],
        "storage": {
            "tsdb": {"out_of_order_time_window": OUT_OF_ORDER},
            "exemplars": {"max_exemplars": EXEMPLARS},
        },
        "otlp": {
            # Names arrive byte for byte. Of the strategies that do so this is the one that 3.5 knows as well.
            "translation_strategy": "NoTranslation",
            "promote_resource_attributes": list(GROUP_LABELS),
        },
    }
    own = [] if shard is None else list(own_samples(catalogue.stack, shard))
    sent = [remote_write(remote, own) for remote in catalogue.stack.remote_write]
    sent += [remote_write(each.remote, (*own, *each.relabelling)) for each in writes(catalogue, where, shard)]
    if sent:
        found["remote_write"] = sent
    return found


def _spread(catalogue: Catalogue, job: dict[str, Any], shard: int) -> dict[str, Any]:
    """A job that keeps its share of the targets. Drills are on every shard: they are few, and soon gone."""
    if job["job_name"] == DRILL_JOB:
        return job
    return {**job, "relabel_configs": [*job.get("relabel_configs", []), *own_targets(catalogue.stack, shard)]}


def _external_labels(catalogue: Catalogue, shard: int | None) -> dict[str, str]:
    labels = {name: value.replace("$", "$$") for name, value in catalogue.stack.external_labels.items()}
    if ha := catalogue.stack.high_availability:
        labels[ha.replica_label] = f"${{{REPLICA}}}"
    if shard is not None:
        labels[SHARD] = str(shard)
    return dict(sorted(labels.items()))


def _alerting(catalogue: Catalogue, where: Where, shard: int | None) -> dict[str, Any]:
    """Every Prometheus tells every Alertmanager, of the same alert in the same words."""
    several = {} if catalogue.stack.high_availability is None else {"timeout": ALERTMANAGER_TIMEOUT}
    targets = [{"targets": reach_all(catalogue.stack, where, "alertmanager")}]
    relabelling = alert_relabelling(catalogue.stack, shard)
    return {
        **({"alert_relabel_configs": relabelling} if relabelling else {}),
        "alertmanagers": [{**several, "static_configs": targets}],
    }
