"""Secrets by reference: a file that the catalogue names is a key of one Secret, which is never made here."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.deployment import Kubernetes
from tapewatch.renderers.secrets import secrets_of

__all__ = ["HISTORY_KEY", "MOUNTED", "history_volume", "reference", "secret_key", "secret_volume", "volumes_of"]

HISTORY_KEY = "history-api-key"
"""Key of the Secret that holds the history's key."""

MOUNTED = "/run/secrets"
"""Where the Secret's keys are files."""


def secret_key(catalogue: Catalogue, file: str) -> str:
    """The key of the Secret that holds a file."""
    history = catalogue.stack.history
    return HISTORY_KEY if history and file == history.key_file else PurePosixPath(file).name


def reference(catalogue: Catalogue, kubernetes: Kubernetes, file: str) -> dict[str, str]:
    """What the operator's objects have in the place of a file."""
    return {"name": kubernetes.secret, "key": secret_key(catalogue, file)}


def secret_volume(kubernetes: Kubernetes, keys: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A volume with the keys, and where it is mounted."""
    items = [{"key": key, "path": key} for key in keys]
    volume = {"name": "secrets", "secret": {"secretName": kubernetes.secret, "items": items}}
    return volume, {"name": "secrets", "mountPath": MOUNTED, "readOnly": True}


def history_volume(catalogue: Catalogue, kubernetes: Kubernetes) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The same of the history's key; nothing where it has none."""
    history = catalogue.stack.history
    if history is None or history.key_file is None:
        return None
    path = PurePosixPath(history.key_file)
    items = [{"key": HISTORY_KEY, "path": path.name}]
    volume = {"name": "history-key", "secret": {"secretName": kubernetes.secret, "items": items}}
    return volume, {"name": "history-key", "mountPath": str(path.parent), "readOnly": True}


def volumes_of(catalogue: Catalogue, kubernetes: Kubernetes, part: str) -> dict[str, Any]:
    """`volumes` and `volumeMounts` of a part that reads secrets from files."""
    keys = secrets_of(catalogue).get(part, ())
    found = [secret_volume(kubernetes, keys)] if keys else []
    if of_history := history_volume(catalogue, kubernetes):
        found.append(of_history)
    if not found:
        return {}
    return {"volumes": [volume for volume, _ in found], "volumeMounts": [mount for _, mount in found]}
