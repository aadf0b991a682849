"""Server programs that only tests run, so that no catalogue pins them: the suite beyond one machine."""

from __future__ import annotations

from _catalogue_pins import Pin

__all__ = ["BEYOND"]

BEYOND = (
    # An S3 server, with which backups are tried. Its project is in maintenance alone, so no page recommends it.
    Pin("minio", "github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c"),
)
"""By the programs' names, at the newest version that the Go module proxy has."""
