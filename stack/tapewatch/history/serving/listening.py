"""Sockets to listen on, and the gate that belongs to an address."""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import suppress
from pathlib import Path

from tapewatch.catalogue import Catalogue
from tapewatch.history.api.access import ApiKey, Gate, Hosts
from tapewatch.history.api.access.hosts import name_of
from tapewatch.history.serving.options import Options
from tapewatch.history.serving.process import SERVICE
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["check_tls", "gate_of", "listen", "listen_at", "no_socket", "url_of"]


def listen(options: Options) -> socket.socket:
    """The socket that other programs reach us at.

    Raises:
        ProblemsError: the port is taken, or there is no such address.
    """
    try:
        found = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            made.listen(1024)
        except OSError:
            made.close()
            raise
    except OSError as error:
        raise ProblemsError([_taken(options, error)]) from error
    made.setblocking(False)
    return made


def listen_at(path: Path) -> socket.socket:
    """A Unix socket that this user alone can reach; one that a killed process left behind is replaced.

    Raises:
        ProblemsError: it cannot be made there.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with suppress(FileNotFoundError):
            path.unlink()
        before = os.umask(0o177)
        try:
            made.bind(str(path))
        finally:
            os.umask(before)
        made.listen(1024)
    except OSError as error:
        made.close()
        raise ProblemsError([no_socket(path, error)]) from error
    made.setblocking(False)
    return made


def check_tls(options: Options) -> None:
    """Read key and certificate once.

    Raises:
        ProblemsError: they cannot be read, or do not belong together.
    """
    if options.tls_key is None or options.tls_certificate is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(options.tls_certificate, options.tls_key, lambda: "")
    except (OSError, ValueError) as error:
        raise ProblemsError([_no_tls(options.tls_certificate, error)]) from error


def gate_of(options: Options, catalogue: Catalogue, workers: int = 1) -> Gate:
    """Who may come in.

    Parameters:
        options: how we are started.
        catalogue: has the address under which others reach us.
        workers: how many processes share the callers.

    Raises:
        ProblemsError: there is no key where one is named.
    """
    service = catalogue.services.get(SERVICE)
    names = [name_of(target) for target in service.targets] if service is not None else []
    more = [socket.gethostname(), options.host] if not options.loopback else []
    key = ApiKey(options.api_key_file) if options.api_key_file is not None else None
    return Gate(Hosts(options.loopback, [*options.allow_hosts, *names, *more]), key, options.rate / workers)


def url_of(made: socket.socket, tls: bool) -> str:
    """Where a browser on this machine finds a socket."""
    host, port = made.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- compared, not bound
    return f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{port}/"


def _taken(options: Options, error: OSError) -> Problem:
    return Problem(
        code="history/port",
        summary=f"the history cannot listen on {options.host}:{options.port}: {error.strerror or error}",
        must="the address is one of this machine, and nobody else listens on the port",
        fix="end what listens there, or give another --host or --port",
        where=Place(path=f"{options.host}:{options.port}"),
    )


def no_socket(path: Path, error: OSError) -> Problem:
    """What to say when there can be no Unix socket for a store, or at a path."""
    return Problem(
        code="history/socket",
        summary=f"the history cannot listen at a socket for {path}: {error.strerror or error}",
        must="this user has a folder for sockets of its own: `$XDG_RUNTIME_DIR/tapewatch`, or /tmp/tapewatch-UID",
        fix="remove a folder of that name which is another user's, or set XDG_RUNTIME_DIR to a folder of your own",
        where=Place(file=str(path)),
    )


def _no_tls(certificate: Path, error: Exception) -> Problem:
    return Problem(
        code="history/tls",
        summary=f"TLS cannot be spoken with this key and certificate: {error}",
        must="both are PEM files that belong together, and the key has no password",
        fix="correct --tls-key and --tls-certificate",
        where=Place(file=str(certificate)),
    )
