"""What the live page costs: what did not change is not written, and what changed is drawn once a second."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from support.live_page import PageServer, service
from support.waiting import wait_for

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.alone]

expect.set_options(timeout=20_000)

WATCH = """() => {
  window.writes = [];
  window.draws = 0;
  const note = (records) => records.forEach(({ target, type }) => {
    const element = target.nodeType === 3 ? target.parentElement : target;
    window.writes.push(`${type} ${element?.closest("[id]")?.id} ${element?.textContent.slice(0, 40)}`);
  });
  const everything = { subtree: true, childList: true, characterData: true, attributes: true };
  new MutationObserver(note).observe(document, everything);
  const { clearRect } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    window.draws += 1;
    return clearRect.apply(this, box);
  };
}"""

SNAPSHOTS = 30


def watch(page: Page, server: PageServer) -> tuple[list[Any], int]:
    """What is written into the document, and how often a chart is drawn, while `SNAPSHOTS` snapshots come in."""
    page.evaluate(WATCH)
    began = server.sequence
    wait_for("the snapshots were sent", lambda: server.sequence >= began + SNAPSHOTS)
    return page.evaluate("() => window.writes"), page.evaluate("() => window.draws")


def settled(page: Page, server: PageServer) -> None:
    """A page that has said all that it has to say of sixty services that go on as before."""
    server.trade()
    for index in range(60):
        server.services[f"service-{index:02}"] = service()
        server.set("some_metric", 1.0, service=f"service-{index:02}")
    page.set_viewport_size({"width": 1400, "height": 2_400})  # every chart is in sight
    page.goto(server.url)
    expect(page.locator("#tile-trading .value")).to_have_text("Idle")
    expect(page.locator("#link-text")).to_contain_text("updates a second")


def test_what_did_not_change_is_not_written_again_and_charts_are_drawn_once_a_second(
    page: Page, server: PageServer
) -> None:
    settled(page, server)

    writes, draws = watch(page, server)

    # Time goes on in a few places (how long orders have been counted for, how fast snapshots come); sixty services
    # and 30 snapshots would make thousands if everything were written.
    assert len(writes) <= SNAPSHOTS, writes
    charts = page.locator("canvas").count()
    assert charts <= draws <= charts * SNAPSHOTS / 4


def test_a_chart_out_of_sight_is_not_drawn(page: Page, server: PageServer) -> None:
    settled(page, server)
    page.set_viewport_size({"width": 360, "height": 250})
    page.locator("#state").scroll_into_view_if_needed()

    _, draws = watch(page, server)

    assert draws == 0


def test_a_hidden_page_draws_nothing_and_is_up_to_date_when_it_is_seen_again(page: Page, server: PageServer) -> None:
    settled(page, server)
    page.evaluate(
        """() => {
          Object.defineProperty(document, "hidden", { get: () => window.away, configurable: true });
          window.away = true;
          window.frames_ = [];
          window.requestAnimationFrame = (draw) => window.frames_.push(draw);
        }"""
    )
    server.set("risk_total_exposure", 123.0, service="risk-manager")

    writes, draws = watch(page, server)

    assert (writes, draws) == ([], 0)
    page.evaluate("() => { window.away = false; window.frames_.forEach((draw) => draw()); }")
    expect(page.locator("#tile-exposure .value")).to_have_text("$123.00")


def test_many_series_are_taken_without_being_shown(page: Page, server: PageServer) -> None:
    settled(page, server)
    for index in range(5_000):
        server.set("other_metric", float(index), service="service-00", number=str(index))
    expect(page.locator("#store-list dd").nth(3)).to_have_text("5,081")

    for index in range(5_000):
        server.set("other_metric", index + 1.0, service="service-00", number=str(index))
    writes, _ = watch(page, server)

    assert len(writes) <= SNAPSHOTS
