"""The copy of the catalogue in which everything is on this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from support.rendering import varied_text
from tapewatch.catalogue import Catalogue, load_text
from tapewatch.embedded.local import HEADER, local_history, local_text


def copied(change: Callable[[dict[str, Any]], object] = lambda data: None) -> Catalogue:
    return load_text(local_text(load_text(varied_text(change)))).catalogue


def test_every_simulated_service_is_on_loopback_at_its_own_port() -> None:
    targets = {name: service.targets for name, service in copied().services.items()}

    assert targets["risk-manager"] == ("127.0.0.1:9093",)
    assert targets["api"] == ("127.0.0.1:8000",)
    assert targets["capture-pipeline"] == ()
    assert {target.partition(":")[0] for each in targets.values() for target in each} == {"127.0.0.1"}


def test_several_addresses_and_how_a_stand_in_is_scraped() -> None:
    def change(data: dict[str, Any]) -> None:
        scrape = {"scheme": "https", "credentials": {"credentials_file": "/run/secrets/x"}, "interval": "10s"}
        data["services"]["risk-manager"] |= {"addresses": ["other:9193"], "scrape": scrape}

    service = copied(change).services["risk-manager"]

    assert service.targets == ("127.0.0.1:9093", "127.0.0.1:9193")
    assert (service.scrape.scheme, service.scrape.credentials, service.scrape.interval) == ("http", None, "10s")


def test_services_that_nobody_simulates_stay_where_they_are() -> None:
    catalogue = copied(lambda data: data["stack"].update(simulate=False))

    assert catalogue.services["risk-manager"].targets == ("risk-manager:9093",)


def test_nobody_is_told_but_the_history_and_nothing_leaves_the_machine() -> None:
    def change(data: dict[str, Any]) -> None:
        data["receivers"]["desk-chat"] = {"webhook": [{"url": "https://chat.example.com/hook"}]}
        data["stack"]["heartbeat"] = {"url": "https://beat.example.com"}
        data["stack"]["remote_write"] = [{"name": "cloud", "url": "https://cloud.example.com/push"}]

    catalogue = copied(change)

    (told,) = {hook.url for receiver in catalogue.receivers.values() for hook in receiver.webhook}
    assert told == "http://127.0.0.1:8000/api/alerts/webhook"
    assert (catalogue.stack.heartbeat, catalogue.stack.remote_write) == (None, ())
    assert catalogue.stack.history is not None
    assert (catalogue.stack.history.address, catalogue.stack.history.key_file) == ("127.0.0.1:8000", None)


def test_a_catalogue_without_a_history_has_one_here() -> None:
    def change(data: dict[str, Any]) -> None:
        del data["stack"]["history"]

    assert copied(change).stack.history is not None
    assert local_history(load_text(varied_text(change)).catalogue) == "127.0.0.1:8000"


def test_the_rest_is_as_it_was_with_its_variables() -> None:
    text = local_text(load_text(varied_text(lambda data: None)))
    before, after = load_text(varied_text(lambda data: None)).catalogue, copied()

    assert text.startswith(f"# {HEADER}")
    assert after.domains == before.domains
    assert after.routing == before.routing
    assert [*yaml.safe_load(text)["services"]] == [*before.services]
