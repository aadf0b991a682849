"""The charts of the live page: filled from the history at opening, then live, and read by pointer and by key."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace

import pytest
from playwright.sync_api import Page, expect

from support.live_page import DASH, PageServer, buckets, service
from support.waiting import wait_for

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.alone]

expect.set_options(timeout=20_000)


def minutes(*values: float) -> dict[float, float]:
    """Values of the minutes that end with the last whole one, by the time at which each begins."""
    now = time.time() // 60 * 60
    return {now - 60 * (len(values) - index): value for index, value in enumerate(values)}


def legend(page: Page, chart: str, label: str, text: str) -> None:
    expect(page.locator(f"#chart-{chart} .legend button", has_text=label).locator(".value")).to_have_text(text)


def read(page: Page, chart: str, key: str) -> list[str]:
    """What a chart says at a moment that a key leads to."""
    page.locator(f"#chart-{chart} canvas").focus()
    page.keyboard.press(key)
    box = page.locator(f"#chart-{chart} .readout")
    expect(box).to_be_visible()
    return box.locator(".value").all_inner_texts()


def test_a_chart_begins_with_the_minutes_before_the_page_was_opened(page: Page, server: PageServer) -> None:
    server.trade()
    prices = minutes(*[60_000.0] * 13, 64_000.0)
    server.history = [buckets("market_data_price", prices, symbol="BTC-USD")]
    page.goto(server.url)
    choice = page.locator("#chart-price select")
    choice.select_option("BTC-USD")
    legend(page, "price", "BTC-USD", "$64,010.50")

    wait_for("the history was asked", lambda: server.asked)
    wait_for("the left edge has a price of the history", lambda: read(page, "price", "Home") != [DASH])
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    assert page.locator("#chart-price .readout .value").inner_text() == "$60,000.00"
    assert read(page, "price", "End") == ["$64,010.50"]
    expect(page.locator("#announce")).to_contain_text("BTC-USD $64,010.50")
    assert {query["interval"] for query in server.asked} == {"1m"}
    assert {query["time_range"] for query in server.asked} == {"MINUTE_15"}


def test_changes_in_percent_count_from_the_left_edge(page: Page, server: PageServer) -> None:
    server.trade()
    server.history = [buckets("market_data_price", minutes(60_000.0, 63_000.0), symbol="BTC-USD")]
    page.goto(server.url)

    wait_for("the history was asked", lambda: server.asked)
    legend(page, "price", "BTC-USD", "$64,010.50 +6.684 %")
    legend(page, "price", "ETH-USD", "$3,187.25 0.000 %")


def test_orders_a_minute_come_from_what_their_counters_gained_over_a_restart(page: Page, server: PageServer) -> None:
    server.trade()
    counted = minutes(1_000.0, 1_060.0, 30.0, 30.0)  # 60, then a restart and 30
    server.history = [buckets("execution_orders_submitted_total", counted, symbol="BTC-USD")]
    page.goto(server.url)
    wait_for("the history was asked", lambda: server.asked)

    wait_for("the first minute is there", lambda: read(page, "orders", "Home")[0] == "60")
    labels = page.locator("#chart-orders .readout .name").all_inner_texts()
    assert labels[0] == "submitted"
    seen = set()
    for _ in range(300):
        page.keyboard.press("ArrowRight")
        seen.add(page.locator("#chart-orders .readout .value").first.inner_text())
        if "30" in seen:
            break
    assert "30" in seen


def test_quantiles_are_those_of_the_buckets_of_each_minute(page: Page, server: PageServer) -> None:
    server.trade()
    name = "execution_fill_latency_ms"
    server.set(f"{name}_count", 1.0, "histogram", service="execution-engine")
    # In the last minute 100 fills: 50 up to 1 ms, 90 up to 2 ms, all up to 4 ms.
    gained = {"1": 50.0, "2": 90.0, "4": 100.0, "+Inf": 100.0}
    server.history = [buckets(f"{name}_bucket", minutes(1_000.0, 1_000.0 + gain), le=le) for le, gain in gained.items()]
    page.goto(server.url)
    choice = page.locator("#chart-latency select")

    choice.select_option("p50 by minute")
    legend(page, "latency", "submit to fill", "1 ms")
    choice.select_option("p99 by minute")
    legend(page, "latency", "submit to fill", "3.8 ms")


def test_mean_latency_is_live(page: Page, server: PageServer) -> None:
    server.trade()
    name, where = "order_placement_latency_milliseconds", {"service": "execution-engine"}
    server.set(f"{name}_sum", 1_000.0, "histogram", **where)
    server.set(f"{name}_count", 10.0, "histogram", **where)
    page.goto(server.url)
    expect(page.locator("#tile-trading .value")).to_have_text("Idle")

    server.add(f"{name}_sum", 30.0, "histogram", **where)
    server.add(f"{name}_count", 4.0, "histogram", **where)

    legend(page, "latency", "order placement", "7.5 ms")


def test_a_service_that_goes_down_ends_its_line_and_a_line_of_nan_is_not_drawn(page: Page, server: PageServer) -> None:
    server.trade()
    server.set("position_value_usd", math.nan, symbol="SOL-USD", service="position-tracker")
    page.goto(server.url)
    legend(page, "exposure", "total", "$798.45")
    expect(page.locator("#chart-exposure .legend button")).to_have_count(1)

    server.services["risk-manager"] = service(up=False, error="gone")

    legend(page, "exposure", "total", DASH)


def test_a_line_is_hidden_by_its_legend_and_the_chart_is_read_by_pointer(page: Page, server: PageServer) -> None:
    server.trade()
    page.goto(server.url)
    legend(page, "profit", "today", "$12.50")
    page.locator("#chart-profit .plot").hover(position={"x": 300, "y": 60})
    expect(page.locator("#chart-profit .readout .name")).to_have_text(["realised", "unrealised", "today"])

    button = page.locator("#chart-profit .legend button", has_text="realised").first
    button.click()

    expect(button).to_have_attribute("aria-pressed", "false")
    page.locator("#chart-profit .plot").hover(position={"x": 300, "y": 60})
    expect(page.locator("#chart-profit .readout .name")).to_have_text(["unrealised", "today"])


def test_a_chart_says_what_it_leaves_out(page: Page, server: PageServer) -> None:
    server.trade()
    page.goto(server.url)
    beyond = page.locator("#chart-price .beyond")
    expect(page.locator("#chart-price .legend button")).to_have_count(2)
    expect(beyond).to_be_hidden()

    for number in range(101):
        server.set("market_data_price", 100.0 + number, symbol=f"S{number}", service="market-data")

    expect(beyond).to_have_text("3 more are not drawn; the history has them.")
    expect(page.locator("#chart-price .legend button")).to_have_count(100)
    assert len(read(page, "price", "End")) == 8
    expect(page.locator("#chart-price .readout div").first).to_contain_text(": 8 of 100 lines")
    expect(page.locator("#announce")).to_contain_text(", and 92 more")
    page.locator("#chart-price select").select_option("BTC-USD")
    expect(beyond).to_be_hidden()


def test_a_rate_that_is_not_known_yet_does_not_cut_the_history_off(page: Page, server: PageServer) -> None:
    server.trade()
    counted = minutes(*(60.0 * index for index in range(6)))
    server.history = [buckets("execution_orders_submitted_total", counted, symbol="BTC-USD")]
    page.goto(server.url)
    wait_for("the history was asked", lambda: server.asked)

    wait_for("the last minute of the history stands until now", lambda: read(page, "orders", "End")[0] == "60")

    began = server.sequence
    wait_for("some seconds of live data came", lambda: server.sequence > began + 40)
    page.locator("#chart-orders canvas").focus()
    page.keyboard.press("End")
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
        assert page.locator("#chart-orders .readout .value").first.inner_text() != DASH


def test_a_longer_time_is_asked_of_the_history(page: Page, server: PageServer) -> None:
    server.trade()
    page.goto(server.url)
    wait_for("the history was asked", lambda: server.asked)

    page.locator("#span").select_option("3600")

    wait_for("an hour was asked for", lambda: "HOUR_1" in {query["time_range"] for query in server.asked})


def test_prices_of_two_services_are_not_added_up(page: Page, server: PageServer) -> None:
    server.trade()
    server.services["market-data-b"] = service()
    server.set("market_data_price", 64_020.5, symbol="BTC-USD", service="market-data-b")
    server.history = [
        buckets("market_data_price", minutes(60_000.0, 60_000.0, 60_000.0), symbol="BTC-USD", service=each)
        for each in ("market-data", "market-data-b")
    ]
    page.goto(server.url)
    page.locator("#chart-price select").select_option("BTC-USD")

    legend(page, "price", "BTC-USD", "$64,010.50")
    wait_for("the history fills the left edge", lambda: read(page, "price", "Home") != [DASH])
    assert read(page, "price", "Home") == ["$60,000.00"]


def test_an_answer_that_was_cut_off_is_not_taken_for_the_whole(page: Page, server: PageServer) -> None:
    server.trade()
    prices = minutes(*[60_000.0] * 14)
    server.history = [buckets("market_data_price", prices, symbol="BTC-USD")]
    server.history += [
        buckets("risk_total_exposure", minutes(*[500.0] * 14), service=f"risk-manager-{index}") for index in range(4)
    ]
    server.most = 3
    page.goto(server.url)
    page.locator("#chart-price select").select_option("BTC-USD")
    legend(page, "price", "BTC-USD", "$64,010.50")

    wait_for("the price of the past is there", lambda: read(page, "price", "Home") == ["$60,000.00"])
    assert read(page, "exposure", "Home") == [DASH]  # of four services we were told three, and that is no total


def test_a_chart_without_lines_says_whether_nobody_exposes_it_or_there_is_no_number_yet(
    page: Page, server: PageServer
) -> None:
    server.trade()
    server.set("market_data_price", math.nan, symbol="BTC-USD", service="market-data")
    server.set("market_data_price", math.nan, symbol="ETH-USD", service="market-data")
    page.goto(server.url)

    expect(page.locator("#chart-price .empty")).to_have_text("There is no number of this yet.")
    expect(page.locator("#chart-orders .empty")).to_have_text("There is no number of this yet.")
    expect(page.locator("#chart-ticks .empty")).to_have_text("No service exposes this.")


def test_no_time_on_an_axis_is_cut_off(page: Page, server: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.trade()
    begun = 1 - time.time() % 30  # every 30 s a time comes in at the right, as it did a second ago
    clock = SimpleNamespace(time=lambda: time.time() + begun, monotonic=time.monotonic)
    monkeypatch.setattr("support.live_page.time", clock)
    page.add_init_script("""
      window.beyond = [];
      const write = CanvasRenderingContext2D.prototype.fillText;
      CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
        const half = this.textAlign === "center" ? this.measureText(text).width / 2 : 0;
        if (half > 0 && x + half > this.canvas.clientWidth) window.beyond.push(text);
        if (half > 0) window.written = true;
        write.call(this, text, x, y);
      };""")
    page.goto(server.url)
    wait_for("an axis has times", lambda: page.evaluate("() => window.written"))
    page.wait_for_timeout(5_000)

    assert page.evaluate("() => window.beyond") == []
