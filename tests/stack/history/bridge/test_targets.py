"""What is asked comes from the catalogue, with the labels that Prometheus would give it."""

from __future__ import annotations

from support.samples import load_sample
from tapewatch.history.bridge import targets_of

RISK = "    address: ${RISK_MANAGER_ADDRESS:-risk-manager:9093}\n"


def test_every_address_of_every_service_is_asked_in_the_catalogues_order() -> None:
    catalogue = load_sample((RISK, "    addresses: [risk-a:9093, risk-b:9093]\n"))

    found = targets_of(catalogue)

    assert list(dict.fromkeys(target.service for target in found)) == list(catalogue.services)
    assert [target.url for target in found if target.service == "risk-manager"] == [
        "http://risk-a:9093/metrics",
        "http://risk-b:9093/metrics",
    ]
    first = found[0]
    assert (first.url, first.address, first.timeout) == ("http://market-data:9091/metrics", "market-data:9091", 4.0)
    assert first.labels == (("environment", "local"), ("service", "market-data"), ("team", "data"))


def test_path_scheme_timeout_and_fallback_are_the_services_own() -> None:
    scrape = "    scrape: {path: /own, scheme: https, timeout: 500ms, fallback_protocol: OpenMetricsText1.0.0}\n"
    catalogue = load_sample((RISK, RISK + scrape))

    (target,) = (target for target in targets_of(catalogue) if target.service == "risk-manager")

    assert (target.url, target.timeout) == ("https://risk-manager:9093/own", 0.5)
    assert target.scrape is not None
    assert target.scrape.fallback_protocol == "OpenMetricsText1.0.0"


def test_a_service_that_pushes_is_there_without_anything_to_ask() -> None:
    (target,) = (target for target in targets_of(load_sample()) if target.service == "capture-pipeline")

    assert (target.url, target.reason) == ("", "")


def test_a_service_that_is_discovered_says_that_it_is_not_asked() -> None:
    catalogue = load_sample((RISK, "    discovery: {dns: {names: [risk.internal]}}\n"))

    (target,) = (target for target in targets_of(catalogue) if target.service == "risk-manager")

    assert target.url == ""
    assert "discovery" in target.reason
