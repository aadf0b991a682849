"""Every object of the stack, one a file, and the kustomization that names them all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.documents import dump
from tapewatch.renderers.kubernetes._alertmanager import alertmanager
from tapewatch.renderers.kubernetes._grafana import grafana
from tapewatch.renderers.kubernetes._guards import guards
from tapewatch.renderers.kubernetes._objects import Object, file_of
from tapewatch.renderers.kubernetes._place import cluster, services
from tapewatch.renderers.kubernetes._prometheus import prometheus
from tapewatch.renderers.kubernetes._rules import rules
from tapewatch.renderers.kubernetes._scrape import scrape_configs
from tapewatch.renderers.kubernetes._workloads import workloads
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["KubernetesRenderer"]


class KubernetesRenderer:
    """`kubernetes/<kind>/<name>.yaml` and `kubernetes/kustomization.yaml`; nothing unless `stack.kubernetes` is there.

    What a default would fill in inside a list is written out, so that what the server keeps is what the file says.
    """

    name = "kubernetes"
    api_version = API_VERSION

    def render(self, request: Request) -> Iterator[File]:
        """The objects in the order in which they can be taken, then the kustomization."""
        if cast(Catalogue, request.catalogue).stack.kubernetes is None:
            return
        names = []
        for found in _objects(request):
            names.append(file_of(found))
            yield File(f"{layout.KUBERNETES}/{names[-1]}", dump(found, layout.HEADER))
        listed = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": names,
        }
        yield File(f"{layout.KUBERNETES}/kustomization.yaml", dump(listed, layout.HEADER))


def _objects(request: Request) -> Iterator[Object]:
    catalogue = cast(Catalogue, request.catalogue)
    kubernetes = catalogue.stack.kubernetes
    assert kubernetes is not None
    where = cluster(catalogue.stack.ports)
    yield from guards(catalogue, kubernetes, where)
    yield from services(catalogue, where, kubernetes.namespace)
    yield from scrape_configs(catalogue, kubernetes, where)
    yield from rules(request, kubernetes)
    yield from alertmanager(catalogue, kubernetes, where)
    yield from prometheus(catalogue, kubernetes, where)
    yield from workloads(request, kubernetes, where)
    yield from grafana(request, kubernetes, where)
