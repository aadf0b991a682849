"""How tapewatch's own history is scraped: with its key, where it wants one."""

from __future__ import annotations

from pathlib import Path

from tapewatch.catalogue.model import Catalogue, Credentials, Service

__all__ = ["signed", "signed_here"]


def signed(catalogue: Catalogue) -> Catalogue:
    """The catalogue in which the history is scraped with its key; a service with credentials of its own keeps them."""
    history = catalogue.stack.history
    if history is None or history.key_file is None:
        return catalogue
    key = Credentials(credentials_file=history.key_file)
    services = {
        name: _with(service, key) if history.address in service.targets else service
        for name, service in catalogue.services.items()
    }
    return catalogue.model_copy(update={"services": services})


def signed_here(catalogue: Catalogue) -> Catalogue:
    """The same where the key is on this machine; elsewhere nothing can be shown."""
    history = catalogue.stack.history
    here = history is not None and history.key_file is not None and Path(history.key_file).is_file()
    return signed(catalogue) if here else catalogue


def _with(service: Service, key: Credentials) -> Service:
    if service.scrape.credentials is not None:
        return service
    return service.model_copy(update={"scrape": service.scrape.model_copy(update={"credentials": key})})
