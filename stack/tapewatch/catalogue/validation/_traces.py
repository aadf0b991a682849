"""What must hold so that Jaeger can sign in where it keeps traces."""

from __future__ import annotations

from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.traces import TraceStore
from tapewatch.catalogue.validation._report import Check, Path, Report

__all__ = ["TRACES_CHECKS"]

_HERE: Path = ("stack", "traces")


def _traces(catalogue: Catalogue, report: Report) -> None:
    store = catalogue.stack.traces
    if store is not None:
        for check in (_sign_in, _servers):
            check(store, report)


def _sign_in(store: TraceStore, report: Report) -> None:
    if (store.username is None) != (store.password_file is None):
        report(
            "traces-sign-in",
            _HERE,
            "the trace store has one of `username` and `password_file`",
            "a user goes with a password, which a file holds",
            "add the other one, or remove it",
            key=True,
        )
    if store.tls is not None and (store.tls.cert_file is None) != (store.tls.key_file is None):
        report(
            "traces-sign-in",
            (*_HERE, "tls"),
            "the trace store has one of `cert_file` and `key_file`",
            "a client certificate goes with its key",
            "add the other one, or remove it",
            key=True,
        )


def _servers(store: TraceStore, report: Report) -> None:
    for index, server in enumerate(store.servers):
        if server in store.servers[:index]:
            report(
                "traces-server",
                (*_HERE, "servers", index),
                f"{server} is twice among the servers of the trace store",
                "each server stands there once",
                "remove one, or name another server",
            )


TRACES_CHECKS: tuple[Check, ...] = (_traces,)
