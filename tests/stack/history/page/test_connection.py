"""The live page when its server goes away, falls silent, comes back, or wants a key."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from support.live_page import DASH, PageServer, service
from support.waiting import wait_for
from tapewatch_sdk.events import Event, EventType

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.alone]

expect.set_options(timeout=20_000)


def test_a_lost_connection_is_said_plainly_and_comes_back_by_itself(page: Page, server: PageServer) -> None:
    server.trade()
    server.tell(Event(EventType.ENGINE_START, source="market-data"))
    page.goto(server.url)
    expect(page.locator("#tile-exposure .value")).to_have_text("$798.45")
    expect(page.locator("#lost")).to_be_hidden()

    server.stop()

    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#lost-title")).to_have_text("The connection to the server is lost.")
    expect(page.locator("#lost-age")).to_contain_text("old.")
    expect(page.locator("#link-text")).to_have_text("not connected")
    assert page.locator("main").evaluate("(main) => getComputedStyle(main).filter") == "grayscale(1)"
    expect(page.locator("#tile-exposure .value")).to_have_text("$798.45")  # still there to read, and marked as old

    server.set("risk_total_exposure", 900.0, service="risk-manager")
    server.start()

    expect(page.locator("#tile-exposure .value")).to_have_text("$900.00")
    expect(page.locator("#lost")).to_be_hidden()
    assert page.locator("main").evaluate("(main) => getComputedStyle(main).filter") == "none"
    expect(page.locator("#events-list > li")).to_have_count(1)  # told again, shown once


def test_what_happened_while_it_was_away_is_not_of_the_last_minute(page: Page, server: PageServer) -> None:
    server.trade()
    page.goto(server.url)
    expect(page.locator("#tile-trading .value")).to_have_text("Idle")
    server.stop()
    server.add("execution_orders_submitted_total", 5_000.0, symbol="BTC-USD", service="execution-engine")
    page.wait_for_timeout(6_000)  # longer than a hiccup

    server.start()
    expect(page.locator("#lost")).to_be_hidden()
    for tile in ("trading", "orders-last-minute"):
        expect(page.locator(f"#tile-{tile} .note")).to_have_text("counting orders")
    server.add("execution_orders_submitted_total", 7.0, symbol="BTC-USD", service="execution-engine")

    expect(page.locator("#tile-trading .note")).to_have_text(re.compile("^7 orders in the last"))


def test_pauses_between_tries_grow_and_a_key_shortens_the_wait(page: Page, server: PageServer) -> None:
    page.goto(server.url)
    expect(page.locator("#link-text")).to_contain_text("live")
    page.evaluate("() => { Math.random = () => 1; }")  # the longest pauses that there are
    server.stop()
    waits = []

    def waited() -> bool:
        found = page.locator("#lost-age").inner_text().partition("Next try in ")[2].partition(" ")[0]
        if found:
            waits.append(int(found))
        return bool(waits) and waits[-1] > 3

    wait_for("the page waits longer", waited)
    server.start()
    page.keyboard.press("r")
    expect(page.locator("#lost")).to_be_hidden()


def test_a_server_that_is_connected_but_silent_is_not_taken_for_live(page: Page, server: PageServer) -> None:
    server.trade()
    page.goto(server.url)
    expect(page.locator("#link-text")).to_contain_text("live")

    server.silent = True

    expect(page.locator("#lost-title")).to_have_text("The server is connected, but sends nothing.")
    sockets = server.requests["/ws/metrics"]
    wait_for("the page gives the silent connection up", lambda: server.requests["/ws/metrics"] > sockets)
    server.silent = False
    expect(page.locator("#lost")).to_be_hidden()


def test_another_server_in_its_place_is_read_anew(page: Page, server: PageServer) -> None:
    server.trade()
    page.goto(server.url)
    expect(page.locator("#tile-exposure .value")).to_have_text("$798.45")
    server.stop()

    # The same version number, with other series behind it.
    server.services = {"risk-manager": service()}
    server.forget()
    server.set("risk_kill_switch_active", 1.0, service="risk-manager")
    server.start()

    expect(page.locator("#tile-kill-switch .value")).to_have_text("ON")
    expect(page.locator("#tile-exposure .value")).to_have_text(DASH)


def test_a_key_is_asked_for_where_one_is_needed(page: Page, server: PageServer) -> None:
    server.trade()
    server.key = "a long and secret key"
    page.goto(server.url)
    field = page.get_by_role("textbox", name="API key")
    expect(field).to_be_focused()

    page.keyboard.press("Escape")
    expect(field).to_be_visible()  # there is nothing to see without the key
    field.fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#login-error")).to_have_text("This is not the key.")
    field.fill(server.key)
    page.keyboard.press("Enter")

    expect(page.locator("#login")).to_be_hidden()
    expect(page.locator("#tile-exposure .value")).to_have_text("$798.45")
    assert page.evaluate("() => document.cookie") == ""
    page.reload()
    expect(page.locator("#tile-exposure .value")).to_have_text("$798.45")


def test_a_login_that_was_closed_is_asked_for_again(page: Page, server: PageServer) -> None:
    server.trade()
    server.key = "a long and secret key"
    page.goto(server.url)
    field = page.get_by_role("textbox", name="API key")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")  # a browser lets nobody keep a dialog open for ever
    expect(page.locator("#login")).to_be_hidden()

    page.get_by_role("button", name="Try now").click()

    expect(field).to_be_focused()
    field.fill(server.key)
    page.keyboard.press("Enter")
    expect(page.locator("#tile-exposure .value")).to_have_text("$798.45")


def test_a_question_that_is_never_answered_does_not_end_the_tries(page: Page, server: PageServer) -> None:
    server.trade()
    page.goto(server.url)
    expect(page.locator("#tile-exposure .value")).to_have_text("$798.45")
    page.route("**/api/events*", lambda route: None)
    server.stop()
    # The next loss is one of a connection that did not open, after which the page asks whether a key is wanted.
    expect(page.locator("#lost-age")).to_contain_text("Trying.")
    page.wait_for_timeout(1_500)

    server.start()

    expect(page.locator("#lost")).to_be_hidden()
    page.unroute("**/api/events*")


def test_a_login_in_one_tab_is_enough_for_all(page: Page, server: PageServer) -> None:
    server.trade()
    server.key = "a long and secret key"
    other = page.context.new_page()
    other.goto(server.url)
    expect(other.locator("#login")).to_be_visible()
    page.goto(server.url)
    page.get_by_role("textbox", name="API key").fill(server.key)
    page.keyboard.press("Enter")
    expect(page.locator("#tile-exposure .value")).to_have_text("$798.45")

    other.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")  # as when one turns to it

    expect(other.locator("#tile-exposure .value")).to_have_text("$798.45")
    expect(other.locator("#login")).to_be_hidden()
    other.close()
