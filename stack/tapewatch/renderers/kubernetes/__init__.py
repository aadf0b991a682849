"""Kubernetes: objects of the Prometheus Operator and of the cluster itself, as plain YAML with a kustomization."""

from tapewatch.renderers.kubernetes._renderer import KubernetesRenderer

__all__ = ["KubernetesRenderer"]
