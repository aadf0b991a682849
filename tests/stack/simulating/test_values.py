"""What a platform at rest measures."""

from __future__ import annotations

import pytest

from support.samples import load_sample
from tapewatch.simulating.values import AtRest, Series
from tapewatch_sdk.families import Family, MetricType

FAMILIES = tuple(load_sample().families.values())
MOMENTS = (0.0, 0.3, 1.0, 14.9, 61.0, 299.0, 3_601.0, 90_000.0)

Measured = dict[str, dict[tuple[str, ...], Series]]


def measured(uptime: float, seed: int = 0, families: tuple[Family, ...] = FAMILIES) -> Measured:
    values = AtRest("one", families, started=1_000.0, seed=seed)
    return {family.name: {each.labels: each for each in series} for family, series in values.at(uptime)}


def test_every_family_is_measured_with_all_its_labels() -> None:
    found = measured(10.0)

    assert found.keys() == {family.name for family in FAMILIES}
    for family in FAMILIES:
        assert found[family.name], family.name
        assert all(len(labels) == len(family.labels) for labels in found[family.name])


def test_counters_and_observations_only_ever_grow() -> None:
    rising = [family for family in FAMILIES if family.type is not MetricType.GAUGE]
    before = measured(MOMENTS[0])
    for moment in MOMENTS[1:]:
        after = measured(moment)
        for family in rising:
            assert after[family.name].keys() == before[family.name].keys()
            for labels, each in after[family.name].items():
                earlier = before[family.name][labels]
                assert each.value >= earlier.value, (family.name, moment)
                assert all(now >= then for now, then in zip(each.counts, earlier.counts, strict=True))
        before = after


def test_a_histogram_counts_up_to_each_bound_and_its_sum_fits_its_observations() -> None:
    for family in (each for each in FAMILIES if each.type is MetricType.HISTOGRAM):
        for each in measured(731.0)[family.name].values():
            assert len(each.counts) == len(family.buckets) + 1
            assert list(each.counts) == sorted(each.counts)
            below = (0, *each.counts)
            single = [count - less for count, less in zip(each.counts, below, strict=False)]
            lowest = sum(count * bound for count, bound in zip(single, (0.0, *family.buckets), strict=True))
            highest = sum(count * bound for count, bound in zip(single, family.buckets, strict=False))
            assert single[-1] == 0, f"{family.name} has observations above its highest bound"
            assert lowest <= each.value <= highest


def test_a_rate_is_steady_from_the_first_second_to_the_last() -> None:
    ticks = [measured(moment)["market_data_ticks_received_total"]["BTC-USD",].value for moment in (10.0, 20.0, 9_010.0)]

    assert ticks == [200.0, 400.0, 180_200.0]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_row_is_written_for_each_message_and_an_order_filled_for_each_submitted(moment: float) -> None:
    found = measured(moment)
    messages, rows = found["coinbase_messages_received_total"], found["iceberg_rows_written_total"]

    assert rows["raw_trades",].value == messages["match",].value
    assert abs(rows["raw_orderbook",].value - messages["l2update",].value - messages["snapshot",].value) <= 1
    assert found["execution_orders_filled_total"] == found["execution_orders_submitted_total"]
    assert found["market_data_ticks_processed_total"] == found["market_data_ticks_received_total"]


def test_two_runs_with_one_seed_differ_in_nothing_and_another_seed_in_no_rate() -> None:
    one, other = measured(500.0), measured(500.0, seed=1)

    assert measured(500.0) == one
    assert other != one
    for family in (each for each in FAMILIES if each.type is MetricType.COUNTER):
        assert other[family.name] == one[family.name]


def test_the_times_that_a_service_measures_follow_its_clock() -> None:
    found = measured(7_300.25)

    assert found["system_uptime_seconds"][()].value == 7_300.25
    assert found["position_snapshot_timestamp_seconds"][()].value == 1_000.0 + 7_200.0
    assert found["dashboard_update_age_seconds"][()].value == 0.25


def test_families_that_nobody_knows_are_measured_too() -> None:
    families = (
        Family("mine_total", MetricType.COUNTER, "mine", ("region",)),
        Family("mine_level", MetricType.GAUGE, "mine"),
        Family("mine_seconds", MetricType.SUMMARY, "mine"),
    )
    found = measured(30.0, families=families)

    assert {labels: each.value for labels, each in found["mine_total"].items()} == {
        ("region-1",): 30.0,
        ("region-2",): 30.0,
    }
    assert found["mine_level"][()].value == 1.0
    assert found["mine_seconds"][()].counts == (60,)
