"""Server programs that only tests run, so that no catalogue pins them: the suite beyond one machine."""

from __future__ import annotations

from _catalogue_pins import Pin

__all__ = ["BEYOND"]

BEYOND = (
    # An S3 server, with which backups are tried. Its project is in maintenance alone, so no page recommends it.
    Pin("minio", "github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c"),
    # Engines that keep metrics for years. Mimir's releases are tags of another form than Go's, so it is a commit's day.
    Pin("mimir", "github.com/grafana/mimir", "v1.3.1-0.20260423142704-aced80d74930"),
    # One of the engines of `stack.long_term`; the sample catalogue pins none, so that a laptop builds none.
    Pin("thanos", "github.com/thanos-io/thanos", "v0.42.4"),
    # What takes the objects of `stack.kubernetes`, and what makes configurations of them.
    Pin("kube-apiserver", "k8s.io/kubernetes", "v1.36.3"),
    Pin("operator", "github.com/prometheus-operator/prometheus-operator", "v0.85.0"),
)
"""By the programs' names, at the newest version that the Go module proxy has."""
