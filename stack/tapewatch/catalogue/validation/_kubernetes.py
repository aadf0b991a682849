"""What must hold so that the stack can run in a cluster, where there is no host with files on it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tapewatch.catalogue.files import named_files
from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.validation._report import Check, Path, Report

__all__ = ["KUBERNETES_CHECKS"]

_SECRET = re.compile(r"/run/secrets/[A-Za-z0-9][A-Za-z0-9._-]*")
"""Files that are keys of a Secret in a cluster."""

_LONGEST = 63
"""Characters of a host's name, and so of a Service's."""

_SERVICE = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
"""What a Service may be called."""


def _kubernetes(catalogue: Catalogue, report: Report) -> None:
    if catalogue.stack.kubernetes is not None:
        for check in (_discovered, _files, _folders, _history):
            check(catalogue, report)


def _discovered(catalogue: Catalogue, report: Report) -> None:
    for name, service in catalogue.services.items():
        if service.discovery is not None and service.discovery.file is not None:
            report(
                "cluster-files",
                ("services", name, "discovery", "file"),
                f"the targets of `{name}` stand in files, and no pod of a cluster has them",
                "in a cluster targets are fixed addresses, or come from DNS or by HTTP",
                "use `discovery.dns` with the name of its headless Service, or `discovery.http`",
                key=True,
            )


def _files(catalogue: Catalogue, report: Report) -> None:
    """Every file that an object of the cluster would name; one that several services inherit is told once."""
    history = catalogue.stack.history
    known = {history.key_file} if history else set()
    for path, file in _named(catalogue):
        if file not in known and not _SECRET.fullmatch(file):
            known.add(file)
            name = re.sub(r"[^A-Za-z0-9._-]+", "-", file.rpartition("/")[2]).strip("-.") or "key"
            report(
                "cluster-files",
                path,
                f"`{file}` is a file of the host, and no pod of a cluster has it",
                "in a cluster a file is a key of the Secret that `stack.kubernetes.secret` names: `/run/secrets/KEY`",
                f"write `/run/secrets/{name}`, and put the file into the Secret under the key `{name}`",
            )


def _named(catalogue: Catalogue) -> Iterator[tuple[Path, str]]:
    for name, receiver in catalogue.receivers.items():
        yield from named_files(receiver, ("receivers", name))
    for name, service in catalogue.services.items():
        yield from named_files(service.scrape, ("services", name, "scrape"))
    for index, remote in enumerate(catalogue.stack.remote_write):
        yield from named_files(remote, ("stack", "remote_write", index))
    if catalogue.stack.heartbeat is not None:
        yield from named_files(catalogue.stack.heartbeat, ("stack", "heartbeat"))


def _folders(catalogue: Catalogue, report: Report) -> None:
    ha = catalogue.stack.high_availability
    for part in ha.data if ha else ():
        report(
            "cluster-files",
            ("stack", "high_availability", "data", part),
            f"the members of {part} keep their data in folders of a host",
            "in a cluster each member has a volume of its own, which `stack.kubernetes.volumes` gives its size",
            "remove `data`",
            key=True,
        )


def _history(catalogue: Catalogue, report: Report) -> None:
    history = catalogue.stack.history
    if history is None:
        return
    host = history.address.rpartition(":")[0]
    if not _SERVICE.fullmatch(host) or len(host) > _LONGEST - 2:
        report(
            "cluster-name",
            ("stack", "history", "address"),
            f"the history's host `{host}` cannot be the name of a Service",
            f"small letters, digits and `-`, a letter first, at most {_LONGEST - 2} characters, and no dot",
            "give it the plain name that it shall have in the namespace, such as `api:8000`",
        )


KUBERNETES_CHECKS: tuple[Check, ...] = (_kubernetes,)
