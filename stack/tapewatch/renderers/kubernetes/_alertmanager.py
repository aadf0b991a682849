"""The Alertmanager object. Its configuration is the one of compose, word for word, in a Secret.

An AlertmanagerConfig could not say all of it: it has no time zones, its routes would match alerts of its own namespace
alone, and the operator would write the secrets themselves into what it makes of it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.deployment import Kubernetes
from tapewatch.documents import dump
from tapewatch.renderers.alertmanager import configuration
from tapewatch.renderers.flags import STORED, published
from tapewatch.renderers.kubernetes._objects import NAME, OPERATOR, Object, chosen, plain
from tapewatch.renderers.kubernetes._resources import NOBODY, claim, image, pod_security, resources, spread
from tapewatch.renderers.kubernetes._secrets import volumes_of
from tapewatch.renderers.where import Where

__all__ = ["alertmanager"]

_CONFIGURATION = "alertmanager-configuration"


def alertmanager(catalogue: Catalogue, kubernetes: Kubernetes, where: Where) -> Iterator[Object]:
    """The Alertmanager and its configuration, which names secrets by file."""
    namespace, ha = kubernetes.namespace, catalogue.stack.high_availability
    text = dump(configuration(catalogue, where), layout.HEADER)
    data = {"alertmanager.yaml": base64.b64encode(text.encode()).decode()}
    yield plain("v1", "Secret", _CONFIGURATION, namespace, {"type": "Opaque", "data": data})
    yield plain("v1", "ServiceAccount", "alertmanager", namespace, {"automountServiceAccountToken": False})
    waits = (
        {"cluster.settle-timeout": ha.settle_timeout, "cluster.reconnect-interval": ha.reconnect_interval} if ha else {}
    )
    arguments = {"data.maintenance-interval": STORED, **waits}
    spec = {
        "additionalArgs": [{"name": name, "value": value} for name, value in arguments.items()],
        "alertmanagerConfigMatcherStrategy": {"type": "None"},
        "automountServiceAccountToken": False,
        **({"clusterPeerTimeout": ha.peer_timeout} if ha else {}),
        "configSecret": _CONFIGURATION,
        "enableFeatures": ["receiver-name-in-metrics"],
        "enableServiceLinks": False,
        "externalUrl": published(catalogue, "alertmanager"),
        "image": image(catalogue, "alertmanager"),
        "podMetadata": {"labels": chosen("alertmanager")},
        "replicas": ha.alertmanagers if ha else 1,
        "resources": resources(kubernetes, "alertmanager"),
        "securityContext": pod_security(NOBODY),
        "serviceAccountName": "alertmanager",
        "storage": {"volumeClaimTemplate": {"spec": claim(kubernetes, "alertmanager")}},
        "topologySpreadConstraints": spread("alertmanager"),
        "version": catalogue.stack.images["alertmanager"].version,
        **volumes_of(catalogue, kubernetes, "alertmanager"),
    }
    yield plain(f"{OPERATOR}/v1", "Alertmanager", NAME, namespace, {"spec": spec})
