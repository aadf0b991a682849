"""The sample platform, scraped whole: every family that it declares comes, and the tables fill."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.simulated import SCRAPED, Sample
from tapewatch.history.bridge import Bridge, Round, targets_of
from tapewatch.history.collecting import Collectors
from tapewatch_sdk.collectors import Row


def test_every_family_of_every_service_is_read_and_the_tables_fill(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    catalogue = sample.load().catalogue
    collectors = Collectors()

    async def main() -> tuple[list[Round], list[Row]]:
        seen: list[Round] = []
        rows: list[Row] = []
        enough = asyncio.Event()

        def take(found: Round) -> None:
            seen.append(found)
            rows.extend(collectors.collect(found))
            answered = {service for service, scrapes in found.scrapes.items() if scrapes and scrapes[-1].up}
            if answered == set(SCRAPED) and {row.table for row in rows} >= wanted:
                enough.set()

        async with Bridge(targets_of(catalogue), 0.5) as bridge:
            running = asyncio.create_task(bridge.run(take))
            async with asyncio.timeout(60):
                await enough.wait()
            running.cancel()
        return seen, rows

    wanted = {"market_data", "strategy_metrics", "execution_metrics", "risk_metrics"}
    with sample.server().start():
        seen, rows = asyncio.run(main())

    last = {service: scrapes[-1] for service, scrapes in seen[-1].scrapes.items() if scrapes}
    assert {service: scrape.error for service, scrape in last.items()} == dict.fromkeys(SCRAPED, "")
    assert seen[-1].scrapes["capture-pipeline"] == []
    for service, scrape in last.items():
        # A family with labels has series only once something happened to it.
        emitted = {
            f"{family.name}_bucket" if family.type == "histogram" else family.name
            for family in catalogue.families.values()
            if family.domain in catalogue.services[service].emits and not family.labels
        }
        assert emitted <= {series.name for series in scrape.layout.series}
        assert {series.name: series.type for series in scrape.layout.series}["system_uptime_seconds"] == "gauge"
    prices = [row.values for row in rows if row.table == "market_data"]
    assert prices[-1]["last_price"]
    assert prices[-1].get("bid") is None
    assert collectors.problems == []
