"""A copy of the catalogue in which everything is on this machine."""

from __future__ import annotations

from typing import Any

from tapewatch.catalogue import Catalogue, Loaded
from tapewatch.catalogue.stack import History
from tapewatch.documents import dump
from tapewatch.renderers.history import WEBHOOK

__all__ = ["HEADER", "LOOPBACK", "local_history", "local_text"]

LOOPBACK = "127.0.0.1"

HEADER = "Made by `tapewatch up` without containers from catalogue.yaml, in which everything is on this machine."
"""First line of the copy."""


def local_text(loaded: Loaded) -> str:
    """The copy, as YAML.

    Services that the sample platform stands in for are on loopback, at the ports that they have. Every receiver is the
    history, which so shows who would have been told; no heart beats and nothing is sent to remote storage: the files
    with those secrets are where the containers are, and a laptop that is closed must wake nobody. Nothing runs twice.
    """
    data: dict[str, Any] = _plain(loaded.document.data)
    catalogue = loaded.catalogue
    if catalogue.stack.simulate:
        for name, service in catalogue.services.items():
            _at_home(data["services"][name], service.targets)
    hook = {"url": f"http://{local_history(catalogue)}{WEBHOOK}"}
    data["receivers"] = {name: {"webhook": [hook]} for name in catalogue.receivers}
    stack = {
        key: value
        for key, value in data["stack"].items()
        if key not in ("heartbeat", "remote_write", "high_availability", "shards", "shards_before")
    }
    data["stack"] = {**stack, "history": {"address": local_history(catalogue), "key_file": None}}
    return dump(data, HEADER)


def local_history(catalogue: Catalogue) -> str:
    """Where the history is on this machine, as `host:port`."""
    history = catalogue.stack.history or History()
    return _local(history.address)


def _at_home(service: dict[str, Any], targets: tuple[str, ...]) -> None:
    """Give a service of the document its addresses on loopback."""
    if not targets:
        return
    first, *others = map(_local, targets)
    service["address"] = first
    service["addresses"] = others
    if "scrape" in service:
        # The stand-in wants no credentials, and speaks plain HTTP.
        service["scrape"] = {
            key: value for key, value in service["scrape"].items() if key not in ("credentials", "tls", "scheme")
        }


def _local(address: str) -> str:
    return f"{LOOPBACK}:{address.rpartition(':')[2]}"


def _plain(value: Any) -> Any:
    """A copy without the subclasses of str that the reader marks quoted text with."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, str) else value
