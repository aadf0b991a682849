"""What the live page shows of what the server says, in a real browser."""

from __future__ import annotations

import math
import re
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from playwright.sync_api import Page, expect

from support.live_page import DASH, PageServer, alert, service
from tapewatch_sdk.events import Event, EventSeverity, EventType

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.alone]

expect.set_options(timeout=20_000)


def value(page: Page, tile: str, text: str) -> None:
    expect(page.locator(f"#tile-{tile} .value")).to_have_text(text)


def test_the_tiles_say_that_we_trade_and_that_it_is_safe(page: Page, server: PageServer) -> None:
    server.trade()
    page.goto(server.url)

    value(page, "kill-switch", "off")
    value(page, "circuit-breaker", "closed")
    value(page, "exchange-feed", "connected")
    value(page, "exposure", "$798.45")
    value(page, "profit-today", "+$12.50")
    value(page, "daily-loss", "$50.00")
    expect(page.locator("#tile-daily-loss .note")).to_have_text("1 % of $5,000.00")
    value(page, "services", "5 of 5 up")
    value(page, "alerts", "none")
    expect(page.locator("#link-text")).to_have_text("live, 10 updates a second")


def test_orders_of_the_last_minute_make_it_trading(page: Page, server: PageServer) -> None:
    server.trade()
    page.goto(server.url)
    value(page, "trading", "Idle")

    for outcome, gained in (("submitted", 4.0), ("filled", 3.0), ("rejected", 1.0)):
        server.add(f"execution_orders_{outcome}_total", gained, symbol="BTC-USD", service="execution-engine")

    value(page, "trading", "Trading")
    expect(page.locator("#tile-trading .note")).to_contain_text("4 orders in the last")
    value(page, "orders-last-minute", "75 % filled")
    expect(page.locator("#tile-orders-last-minute .note")).to_have_text("1 rejected, 0 cancelled")


def test_a_counter_that_begins_anew_takes_nothing_away(page: Page, server: PageServer) -> None:
    server.trade()
    page.goto(server.url)
    value(page, "trading", "Idle")

    server.set("execution_orders_submitted_total", 2.0, "counter", symbol="BTC-USD", service="execution-engine")

    expect(page.locator("#tile-trading .note")).to_contain_text("2 orders in the last")


def test_the_kill_switch_stops_trading_in_words_and_not_by_colour_alone(page: Page, server: PageServer) -> None:
    server.trade()
    page.goto(server.url)
    value(page, "kill-switch", "off")

    server.set("risk_kill_switch_active", 1.0, service="risk-manager")

    value(page, "kill-switch", "ON")
    value(page, "trading", "Stopped")
    expect(page.locator("#tile-trading .note")).to_have_text("the kill switch is on")


def test_one_of_two_kill_switches_is_enough(page: Page, server: PageServer) -> None:
    server.trade()
    server.services["risk-2"] = service()
    server.set("risk_kill_switch_active", 1.0, service="risk-2")
    page.goto(server.url)

    value(page, "kill-switch", "ON")
    expect(page.locator("#tile-kill-switch .note")).to_have_text("told by risk-2")


def test_what_a_service_said_before_it_went_down_is_not_shown_as_if_it_held(page: Page, server: PageServer) -> None:
    server.trade()
    page.goto(server.url)
    value(page, "kill-switch", "off")

    server.services["risk-manager"] = service(up=False, error="[Errno 111] Connection refused", age=42.0)

    value(page, "kill-switch", DASH)
    expect(page.locator("#tile-kill-switch .note")).to_have_text("risk-manager is down")
    value(page, "daily-loss", DASH)
    first = page.locator("#services-list > li").first
    expect(first).to_contain_text("risk-manager")
    expect(first.locator(".mark")).to_have_text("down")
    expect(first.locator(".why")).to_have_text("[Errno 111] Connection refused")
    expect(first.locator(".age")).to_have_text("42 s ago")


def test_a_service_that_pushes_and_one_that_was_not_asked_yet_say_so(page: Page, server: PageServer) -> None:
    server.services = {
        "capture-pipeline": service(mode="push", team="data", age=12.0),
        "api": service(up=None, age=None),
    }
    page.goto(server.url)

    pushes = page.locator("#services-list > li", has_text="capture-pipeline")
    expect(pushes.locator(".team")).to_have_text("data, pushes")
    expect(pushes.locator(".age")).to_have_text("12 s ago")
    expect(page.locator("#services-list > li", has_text="not asked yet").locator(".name")).to_have_text("api")
    value(page, "services", "1 of 2 up")


def test_what_nobody_exposes_is_a_dash(page: Page, server: PageServer) -> None:
    server.simulated = False
    page.goto(server.url)

    expect(page.locator("#link-text")).to_contain_text("live")
    assert set(page.locator("#tiles .value").all_inner_texts()) == {DASH, "none"}
    expect(page.locator("#services-none")).to_be_visible()
    expect(page.locator("#symbols-none")).to_be_visible()
    expect(page.locator("#chart-price .empty")).to_have_text("No service exposes this.")
    expect(page.locator("#simulated")).to_be_hidden()


def test_numbers_that_are_none_are_a_dash_and_infinity_is_no_number_of_dollars(page: Page, server: PageServer) -> None:
    server.trade()
    server.set("risk_total_exposure", math.nan, service="risk-manager")
    server.set("risk_daily_loss_limit_usd", math.inf, service="risk-manager")
    server.set("market_data_price", None, symbol="ETH-USD", service="market-data")
    server.set("market_data_price", -math.inf, symbol="BTC-USD", service="market-data")
    page.goto(server.url)

    value(page, "exposure", DASH)
    expect(page.locator("#tile-daily-loss .note")).to_have_text("0 % of ∞")
    expect(page.locator("#symbols-table tr", has_text="BTC-USD").locator("td").first).to_have_text("-∞")
    expect(page.locator("#symbols-table tr", has_text="ETH-USD").locator("td").first).to_have_text(DASH)


def test_simulated_numbers_are_labelled(page: Page, server: PageServer) -> None:
    page.goto(server.url)

    expect(page.locator("#simulated")).to_have_text("sample platform")
    expect(page.locator("#simulated")).to_be_visible()


def test_an_alert_appears_with_its_severity_in_words_is_told_politely_and_goes(page: Page, server: PageServer) -> None:
    page.goto(server.url)
    expect(page.locator("#alerts-none")).to_have_text("No alert is firing.")

    server.alerts = {"evaluated": True, "reason": "", "active": [alert("KillSwitchActivated", since=time.time() - 200)]}

    row = page.locator("#alerts-list > li")
    expect(row.locator(".badge")).to_have_text("critical")
    expect(row.locator(".name")).to_have_text("KillSwitchActivated")
    expect(row.locator(".where")).to_have_text("risk-manager · team risk")
    expect(row.locator(".since")).to_have_text("· for 3 min")
    expect(row.locator(".summary")).to_have_text("KillSwitchActivated of risk-manager")
    expect(page.locator("#announce")).to_have_text("Alert firing: KillSwitchActivated, critical, risk-manager.")
    expect(page).to_have_title("(1) tapewatch")
    row.locator("details").click()
    expect(row.locator("dl")).to_contain_text("KillSwitchActivated")

    server.alerts = {"evaluated": True, "reason": "", "active": []}

    expect(row).to_have_count(0)
    expect(page.locator("#announce")).to_have_text("No longer firing: KillSwitchActivated, critical, risk-manager.")
    expect(page).to_have_title("tapewatch")


def test_a_storm_of_alerts_is_told_in_few_words_that_say_how_many_there_are(page: Page, server: PageServer) -> None:
    page.goto(server.url)
    expect(page.locator("#alerts-none")).to_have_text("No alert is firing.")

    server.alerts = {"evaluated": True, "reason": "", "active": [alert(f"A{index}") for index in range(30)]}

    expect(page.locator("#announce")).to_have_text(re.compile(r"^(Alert firing: A\d, [^.]+\. ){5}25 more alerts began"))


def test_the_worst_alert_is_first_and_pending_ones_are_last_and_quiet(page: Page, server: PageServer) -> None:
    active = [
        alert("C", "medium", since=time.time()),
        alert("D", "critical", state="pending"),
        alert("B", "high"),
        alert("A", "critical"),
    ]
    server.alerts = {"evaluated": True, "reason": "", "active": active}
    page.goto(server.url)

    expect(page.locator("#alerts-list .name")).to_have_text(["A", "B", "C", "D"])
    expect(page.locator("#alerts-list .badge")).to_have_text(["critical", "high", "medium", "pending, critical"])
    expect(page.locator("#alerts-count")).to_have_text("3 firing, 1 pending")
    expect(page.locator("#announce")).to_have_text("")  # they were there when the page was opened


def test_rules_that_nobody_evaluates_are_no_quiet_night(page: Page, server: PageServer) -> None:
    server.alerts = {"evaluated": False, "reason": "There is no Prometheus; make servers brings one.", "active": []}
    page.goto(server.url)

    expect(page.locator("#unevaluated")).to_be_visible()
    expect(page.locator("#unevaluated-reason")).to_have_text("There is no Prometheus; make servers brings one.")
    expect(page.locator("#alerts-none")).to_be_hidden()
    value(page, "alerts", DASH)


def test_events_are_newest_first_each_once_and_filtered_by_severity_and_type(page: Page, server: PageServer) -> None:
    began = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    started = Event(EventType.ENGINE_START, began, source="market-data")
    rejected = Event(
        EventType.TRADE_REJECTED,
        began + timedelta(seconds=5),
        {"symbol": "BTC-USD", "reason": "post_only", "none": None},
        "execution-engine",
        EventSeverity.WARNING,
    )
    pulled = Event(EventType.KILL_SWITCH_TRIGGERED, began, source="risk-manager", severity=EventSeverity.CRITICAL)
    server.tell(started)
    page.goto(server.url)
    names = page.locator("#events-list .name")
    expect(names).to_have_text(["ENGINE_START"])

    server.tell(rejected, started)

    expect(names).to_have_text(["TRADE_REJECTED", "ENGINE_START"])
    expect(page.locator("#events-list .what").first).to_have_text("symbol BTC-USD, reason post_only")
    page.locator("#events-severity").select_option("warning and above")
    expect(names).to_have_text(["TRADE_REJECTED"])
    expect(page.locator("#events-count")).to_have_text("1 of the newest 2")
    server.tell(pulled)
    expect(names).to_have_text(["TRADE_REJECTED", "KILL_SWITCH_TRIGGERED"])
    page.locator("#events-type").select_option("ENGINE_START")
    expect(page.locator("#events-none")).to_have_text("No event is like that.")
    page.locator("#events-severity").select_option("all")
    expect(names).to_have_text(["ENGINE_START"])


def test_what_happens_all_the_time_does_not_push_out_what_matters(page: Page, server: PageServer) -> None:
    server.tell(Event(EventType.KILL_SWITCH_TRIGGERED, source="risk-manager", severity=EventSeverity.CRITICAL))
    server.tell(*(Event(EventType.TRADE_FILLED, data={"price": 64010.123456789}) for _ in range(250)))
    page.goto(server.url)
    names = page.locator("#events-list .name")
    expect(names).to_have_text(["KILL_SWITCH_TRIGGERED"])  # long gone from the newest 50, so it was asked for
    server.tell(*(Event(EventType.TRADE_FILLED, data={"price": 64010.123456789}) for _ in range(250)))

    page.locator("#events-type").select_option("all")

    expect(names).to_have_count(201)
    expect(names.last).to_have_text("KILL_SWITCH_TRIGGERED")
    expect(page.locator("#events-list .what").first).to_have_text("price 64010.1")


def test_an_alert_is_told_in_words_with_the_receiver_that_it_was_delivered_to(page: Page, server: PageServer) -> None:
    told = {"alertname": "KillSwitchActivated", "annotations": {"summary": "Trading is halted"}}
    began = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    server.tell(
        Event(EventType.ALERT_FIRING, began, told),
        Event(EventType.ALERT_FIRING, began - timedelta(seconds=4), {**told, "delivered": True, "receiver": "pager"}),
        Event(EventType.ALERT_RESOLVED, began - timedelta(seconds=9), {"message": "written by hand"}),
    )
    page.goto(server.url)

    expect(page.locator("#events-list .what")).to_have_text(
        [
            "KillSwitchActivated seen at Prometheus: Trading is halted",
            "KillSwitchActivated delivered to pager: Trading is halted",
            "message written by hand",
        ]
    )


def test_what_did_not_happen_today_is_dated_also_when_the_page_is_open_over_midnight(
    page: Page, server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    server.tell(*[Event(EventType.ERROR, timestamp=at) for at in (now - timedelta(days=2), now)])
    page.goto(server.url)
    times = page.locator("#events-list time")
    clock, dated = re.compile(r"^[\d:]{8}$"), re.compile(r"^\d+ \w+, [\d:]{8}$")
    expect(times).to_have_text([clock, dated])

    tomorrow = SimpleNamespace(time=lambda: time.time() + 86_400, monotonic=time.monotonic)
    monkeypatch.setattr("support.live_page.time", tomorrow)

    expect(times).to_have_text([dated, dated])


def test_the_zone_of_all_times_is_told(page: Page, server: PageServer) -> None:
    browser = page.context.browser
    assert browser is not None
    elsewhere = browser.new_page(timezone_id="Asia/Kolkata")
    elsewhere.goto(server.url)

    expect(elsewhere.locator("#zone")).to_have_text("times in GMT+5:30")
    elsewhere.context.close()


def test_all_that_an_event_says_is_one_click_away(page: Page, server: PageServer) -> None:
    server.tell(Event(EventType.ERROR, data={"message": "x" * 500, "at": {"line": 7}}))
    page.goto(server.url)

    page.locator("#events-list summary").click()

    expect(page.locator("#events-list pre")).to_contain_text("x" * 500)
    expect(page.locator("#events-list pre")).to_contain_text('"line": 7')


def test_a_store_that_does_not_write_says_why(page: Page, server: PageServer) -> None:
    page.goto(server.url)
    said = page.locator("#store-list dd")
    expect(said.nth(0)).to_have_text("yes")
    expect(said.nth(1)).to_have_text("812")
    expect(said.nth(2)).to_have_text("46.1 MiB")

    server.store = {"writing": False, "reason": "the disk is full", "samples_per_second": 0.0, "bytes": 48_300_000}

    expect(said.nth(0)).to_have_text("no: the disk is full")


def test_series_that_come_and_go_do_not_mix_up_the_others(page: Page, server: PageServer) -> None:
    server.trade()
    page.goto(server.url)
    value(page, "exposure", "$798.45")

    server.services["extra"] = service()
    server.set("an_earlier_series", 5.0, service="extra")
    server.set("risk_total_exposure", 900.0, service="risk-manager")

    value(page, "exposure", "$900.00")
    value(page, "kill-switch", "off")
    expect(page.locator("#store-list dd").nth(3)).to_have_text("22")


def test_prices_and_shares_of_two_services_are_not_added_up_and_sums_of_money_are(
    page: Page, server: PageServer
) -> None:
    server.trade()
    for name in ("signal-bridge", "signal-bridge-b"):
        server.services[name] = service()
        server.set("strategy_win_rate", 0.6, strategy="momentum", service=name)
        server.set("strategy_daily_pnl", 12.5, strategy="momentum", service=name)
    server.set("market_data_price", 64_020.5, symbol="BTC-USD", service="market-data-b")
    page.goto(server.url)

    expect(page.locator("#strategies-table tbody td")).to_have_text(["+$25.00", DASH, DASH, DASH, "60 %"])
    expect(page.locator("#symbols-table tbody tr").first.locator("td").first).to_have_text("$64,010.50")
