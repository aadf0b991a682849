"""The Prometheus object: what `prometheus.yml` and the command line say in compose, in the operator's words."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.deployment import Kubernetes
from tapewatch.documents import dump
from tapewatch.renderers.flags import FLUSH, published, sends
from tapewatch.renderers.kubernetes._objects import NAME, OPERATOR, Object, chosen, plain
from tapewatch.renderers.kubernetes._resources import NOBODY, claim, image, pod_security, resources, spread
from tapewatch.renderers.kubernetes._scrape import USER
from tapewatch.renderers.kubernetes._secrets import reference, volumes_of
from tapewatch.renderers.prometheus import configuration
from tapewatch.renderers.where import Where

__all__ = ["prometheus"]

_ALERTMANAGERS = "alertmanagers"
"""Secret of our own that says where the Alertmanagers are: the operator takes addresses from nowhere else."""

_KEY = "alertmanagers.yaml"

_QUEUE = {
    "capacity": "capacity",
    "max_shards": "maxShards",
    "max_samples_per_send": "maxSamplesPerSend",
    "batch_send_deadline": "batchSendDeadline",
    "min_backoff": "minBackoff",
    "max_backoff": "maxBackoff",
    "retry_on_http_429": "retryOnRateLimit",
    "sample_age_limit": "sampleAgeLimit",
}
"""A queue's settings, by the name that they have in `prometheus.yml`."""


_RELABELLING = {
    "action": "action",
    "regex": "regex",
    "replacement": "replacement",
    "source_labels": "sourceLabels",
    "target_label": "targetLabel",
}
"""A relabelling's settings, the same way."""


def prometheus(catalogue: Catalogue, kubernetes: Kubernetes, where: Where) -> Iterator[Object]:
    """The Prometheus, and what it is told by Secrets that hold no secret."""
    written = configuration(catalogue, where, [])
    namespace = kubernetes.namespace
    text = dump(written["alerting"]["alertmanagers"])
    yield _told(_ALERTMANAGERS, namespace, {_KEY: text})
    if users := _users(catalogue):
        yield _told(USER, namespace, {user: user for user in users})
    yield plain("v1", "ServiceAccount", "prometheus", namespace, {"automountServiceAccountToken": False})
    spec = {
        **_what_runs(catalogue, kubernetes),
        **_what_it_does(catalogue, written),
        **_chosen(kubernetes),
        **_pods(catalogue, kubernetes),
    }
    yield plain(f"{OPERATOR}/v1", "Prometheus", NAME, namespace, {"spec": dict(sorted(spec.items()))})


def _told(name: str, namespace: str, data: Mapping[str, str]) -> Object:
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in sorted(data.items())}
    return plain("v1", "Secret", name, namespace, {"type": "Opaque", "data": encoded})


def _users(catalogue: Catalogue) -> list[str]:
    """The user names that jobs and remote ends sign in with."""
    found = {remote.username for remote in catalogue.stack.remote_write}
    found |= {each.scrape.credentials.username for each in catalogue.services.values() if each.scrape.credentials}
    return sorted(name for name in found if name)


def _what_runs(catalogue: Catalogue, kubernetes: Kubernetes) -> dict[str, Any]:
    ha = catalogue.stack.high_availability
    size = catalogue.stack.retention.metrics_size
    return {
        "image": image(catalogue, "prometheus"),
        "version": catalogue.stack.images["prometheus"].version,
        "replicas": ha.replicas if ha else 1,
        "shards": catalogue.stack.shards,
        "replicaExternalLabelName": ha.replica_label if ha else "",
        "prometheusExternalLabelName": "",
        "retention": catalogue.stack.retention.metrics,
        **({"retentionSize": size} if size else {}),
        "storage": {"volumeClaimTemplate": {"spec": claim(kubernetes, "prometheus")}},
        "resources": resources(kubernetes, "prometheus"),
    }


def _what_it_does(catalogue: Catalogue, written: Mapping[str, Any]) -> dict[str, Any]:
    given, stored = written["global"], written["storage"]
    flush = [{"name": "storage.remote.flush-deadline", "value": FLUSH}] if sends(catalogue) else []
    labels = catalogue.stack.external_labels
    return {
        "scrapeInterval": given["scrape_interval"],
        "scrapeTimeout": given["scrape_timeout"],
        "evaluationInterval": given["evaluation_interval"],
        "bodySizeLimit": given["body_size_limit"],
        **({"externalLabels": dict(sorted(labels.items()))} if labels else {}),
        "externalUrl": published(catalogue, "prometheus"),
        "additionalAlertManagerConfigs": {"name": _ALERTMANAGERS, "key": _KEY},
        "tsdb": {"outOfOrderTimeWindow": stored["tsdb"]["out_of_order_time_window"]},
        "exemplars": {"maxSize": stored["exemplars"]["max_exemplars"]},
        "enableFeatures": ["exemplar-storage"],
        "enableOTLPReceiver": True,
        "enableRemoteWriteReceiver": True,
        "otlp": {
            "translationStrategy": written["otlp"]["translation_strategy"],
            "promoteResourceAttributes": written["otlp"]["promote_resource_attributes"],
        },
        "additionalArgs": [{"name": "rules.alert.for-grace-period", "value": "0s"}, *flush],
        **_remote_write(catalogue, written),
    }


def _chosen(kubernetes: Kubernetes) -> dict[str, Any]:
    """Which jobs and rules it takes: those of the namespace that carry our label."""
    ours = {"matchLabels": chosen("prometheus")}
    here = {"matchLabels": {"kubernetes.io/metadata.name": kubernetes.namespace}}
    return {
        "ruleSelector": ours,
        "ruleNamespaceSelector": here,
        "scrapeConfigSelector": ours,
        "scrapeConfigNamespaceSelector": here,
    }


def _pods(catalogue: Catalogue, kubernetes: Kubernetes) -> dict[str, Any]:
    return {
        "podMetadata": {"labels": chosen("prometheus")},
        "serviceAccountName": "prometheus",
        "automountServiceAccountToken": False,  # every target has an address; it asks the cluster nothing
        "enableServiceLinks": False,
        "securityContext": pod_security(NOBODY),
        "topologySpreadConstraints": spread("prometheus"),
        **volumes_of(catalogue, kubernetes, "prometheus"),
    }


def _remote_write(catalogue: Catalogue, written: Mapping[str, Any]) -> dict[str, Any]:
    if "remote_write" not in written:
        return {}
    kubernetes = catalogue.stack.kubernetes
    assert kubernetes is not None
    return {"remoteWrite": [_remote(catalogue, kubernetes, remote) for remote in written["remote_write"]]}


def _remote(catalogue: Catalogue, kubernetes: Kubernetes, remote: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": remote["name"],
        "url": remote["url"],
        "remoteTimeout": remote["remote_timeout"],
        "sendExemplars": remote["send_exemplars"],
        "queueConfig": {
            ours: remote["queue_config"][key] for key, ours in _QUEUE.items() if key in remote["queue_config"]
        },
    }
    if headers := remote.get("headers"):
        found["headers"] = headers
    if basic := remote.get("basic_auth"):
        found["basicAuth"] = {
            "username": {"name": USER, "key": basic["username"]},
            "password": reference(catalogue, kubernetes, basic["password_file"]),
        }
    if given := remote.get("authorization"):
        found["authorization"] = {
            "type": "Bearer",
            "credentials": reference(catalogue, kubernetes, given["credentials_file"]),
        }
    if tls := remote.get("tls_config"):
        names = {"ca_file": "caFile", "cert_file": "certFile", "key_file": "keyFile", "server_name": "serverName",
                 "insecure_skip_verify": "insecureSkipVerify"}  # fmt: skip
        found["tlsConfig"] = {names[key]: value for key, value in tls.items() if value is not None}
    if relabelling := remote.get("write_relabel_configs"):
        found["writeRelabelConfigs"] = [
            {_RELABELLING[key]: value for key, value in sorted(each.items())} for each in relabelling
        ]
    return found
