"""What must hold so that samples arrive at a remote end, and so that its key stays secret."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit

from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.remote_write import RemoteWrite
from tapewatch.catalogue.validation._report import Check, Path, Report
from tapewatch.schema import seconds
from tapewatch_sdk.problems import Severity

__all__ = ["REMOTE_WRITE_CHECKS"]

_OWN_HEADERS = frozenset(
    [
        "authorization",
        "host",
        "content-encoding",
        "content-length",
        "content-type",
        "user-agent",
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "www-authenticate",
        "accept-encoding",
        "x-prometheus-remote-write-version",
        "x-prometheus-remote-read-version",
    ]
)
"""Headers that Prometheus sets itself and refuses in its configuration."""

_SECRET = re.compile(r"api[-_]?key|access[-_]?key|token|secret|passw(or)?d|credential", re.IGNORECASE)
"""Names of headers and of parameters in a URL that carry a key."""

_PATIENCE = ("timeout", "batch_send_deadline", "min_backoff", "max_backoff")
"""Durations that must be longer than 0."""


def _remote_write(catalogue: Catalogue, report: Report) -> None:
    names = [remote.name for remote in catalogue.stack.remote_write]
    for index, remote in enumerate(catalogue.stack.remote_write):
        path: Path = ("stack", "remote_write", index)
        if remote.name in names[:index]:
            report(
                "duplicate-remote",
                (*path, "name"),
                f"remote write `{remote.name}` stands twice",
                "names are unique",
                "rename one",
            )
        for check in (_sign_in, _secrets, _files, _plain, _headers, _series, _queue):
            check(path, remote, report)


def _sign_in(path: Path, remote: RemoteWrite, report: Report) -> None:
    for wrong in _wrong_credentials(remote):
        report(
            "remote-credentials",
            path,
            f"remote write `{remote.name}` {wrong}",
            "either `username` with `password_file`, or `credentials_file`, or none of them",
            "keep one of the two ways",
        )
    if remote.tls is not None and (remote.tls.cert_file is None) != (remote.tls.key_file is None):
        report(
            "remote-credentials",
            (*path, "tls"),
            f"remote write `{remote.name}` has one of `cert_file` and `key_file`",
            "a client certificate goes with its key",
            "add the other one, or remove it",
            key=True,
        )


def _wrong_credentials(remote: RemoteWrite) -> Iterator[str]:
    if (remote.username is None) != (remote.password_file is None):
        yield "has one of `username` and `password_file`"
    if remote.credentials_file is not None and (remote.username or remote.password_file):
        yield "signs in in two ways"


def _secrets(path: Path, remote: RemoteWrite, report: Report) -> None:
    """A key that would be committed with the catalogue, in a header or behind the `?` of the URL."""
    written = [((*path, "headers", name), f"header `{name}`", True) for name in remote.headers]
    asked = parse_qsl(urlsplit(remote.url).query, keep_blank_values=True)
    written += [((*path, "url"), f"parameter `{name}` of the URL", False) for name, _ in asked]
    for where, what, key in written:
        if _SECRET.search(what.partition("`")[2].partition("`")[0]):
            report(
                "inline-secret",
                where,
                f"{what} would put a secret into the file",
                "a secret is named by file, never written down",
                "sign in with `credentials_file`, or `username` and `password_file`",
                key=key,
            )


def _files(path: Path, remote: RemoteWrite, report: Report) -> None:
    tls = ("ca_file", "cert_file", "key_file")
    given = [((*path, key), getattr(remote, key)) for key in ("password_file", "credentials_file")]
    given += [((*path, "tls", key), getattr(remote.tls, key, None)) for key in tls]
    for where, file in given:
        if file is not None and (not file.startswith("/") or file.endswith("/")):
            report(
                "remote-file",
                where,
                f"`{file}` is no whole path of a file",
                "a path from `/` on, as Prometheus sees it; any other would be looked for among the generated files",
                f"write `/run/secrets/{remote.name}`, and put the file into the project as `secrets/{remote.name}`",
            )


def _plain(path: Path, remote: RemoteWrite, report: Report) -> None:
    url = urlsplit(remote.url)
    signs_in = remote.credentials_file is not None or remote.password_file is not None
    if url.scheme == "http" and signs_in and not _is_near(url.hostname or ""):
        report(
            "remote-plain",
            (*path, "url"),
            f"remote write `{remote.name}` sends its key to {url.hostname} unencrypted",
            "a key leaves this machine by https alone",
            "write `https://`, with `tls.ca_file` if the far end has a certificate of its own authority",
            severity=Severity.WARNING,
        )


def _is_near(host: str) -> bool:
    """Whether a host is this machine or a container beside Prometheus, whose names have no dots."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return "." not in host or host == "host.docker.internal"


def _headers(path: Path, remote: RemoteWrite, report: Report) -> None:
    for header in remote.headers:
        if header.lower() in _OWN_HEADERS:
            report(
                "remote-header",
                (*path, "headers", header),
                f"header `{header}` is set by Prometheus itself",
                "further headers alone; a secret is named by `password_file` or `credentials_file`",
                "remove the header",
                key=True,
            )


def _series(path: Path, remote: RemoteWrite, report: Report) -> None:
    """Two `keep` of one label would both have to match, and no name matches two lists of names."""
    for label, count in Counter(each.label for each in remote.keep).items():
        if count > 1:
            report(
                "remote-keep",
                (*path, "keep"),
                f"remote write `{remote.name}` keeps series by `{label}` {count} times",
                "one regular expression a label: a series is sent when each `keep` matches",
                "join them with `|`",
                key=True,
            )


def _queue(path: Path, remote: RemoteWrite, report: Report) -> None:
    for key in _PATIENCE:
        if seconds(getattr(remote, key)) == 0:
            report("zero-interval", (*path, key), f"`{key}` is 0", "longer than 0", "set a duration such as 5s")
    if seconds(remote.min_backoff) > seconds(remote.max_backoff):
        report(
            "remote-queue",
            path,
            f"`min_backoff` {remote.min_backoff} of remote write `{remote.name}` is longer than its `max_backoff`"
            f" {remote.max_backoff}",
            "pauses grow from `min_backoff` up to `max_backoff`",
            "change one of the two",
        )
    if remote.capacity < remote.max_samples_per_send:
        report(
            "remote-queue",
            path,
            f"the queue of remote write `{remote.name}` holds {remote.capacity} samples, and a batch"
            f" {remote.max_samples_per_send}",
            "`capacity` is `max_samples_per_send` at least; three to ten times as much lets batches fill while one is"
            " on its way",
            f"set `capacity: {3 * remote.max_samples_per_send}`, or less for `max_samples_per_send`",
        )


REMOTE_WRITE_CHECKS: tuple[Check, ...] = (_remote_write,)
