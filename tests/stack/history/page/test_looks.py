"""How the live page looks and is used: narrow, by keyboard, dark and light, full, and with hostile strings."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from support.live_page import PageServer, alert, service
from support.waiting import wait_for
from tapewatch_sdk.events import Event, EventSeverity, EventType

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.alone]

expect.set_options(timeout=20_000)

HOSTILE = '<img src=x onerror="window.harmed = true"><script>window.harmed = true</script>‮"\'&amp;'

LONG = "a-name-without-end-" * 20

CONTRASTS = """() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const found = numbers(getComputedStyle(each).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest("template, noscript, .skip")) continue;
    const below = ground(element);
    const main = element.closest("main");
    const share = Number(main ? getComputedStyle(main).opacity : 1);
    const full = numbers(getComputedStyle(element).color);
    const ink = full.map((each, index) => share * each + (1 - share) * below[index]);
    const [one, other] = [light(ink), light(below)];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) poor.push(`${element.className || element.tagName} ${element.textContent.trim()}: ${contrast}`);
  }
  return poor;
}"""


def fill(server: PageServer) -> None:
    """Something of everything that the page can show."""
    server.trade()
    server.services["live-trading"] = service(up=False, error="[Errno 111] Connection refused", age=75.0)
    server.services["api"] = service(up=None, age=None)
    active = [alert(each, each) for each in ("critical", "high", "medium", "odd")] + [alert("Late", state="pending")]
    server.alerts = {"evaluated": False, "reason": "There is no Prometheus.", "active": active}
    server.tell(*(Event(EventType.ERROR, data={"message": "m"}, severity=each) for each in EventSeverity))


def ready(page: Page) -> None:
    expect(page.locator("#link-text")).to_contain_text("live")


def overflow(page: Page) -> Any:
    """Pixels by which the page is wider than the window."""
    return page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("width", [360, 700, 1000, 1400])
def test_nothing_scrolls_sideways(page: Page, server: PageServer, width: int) -> None:
    fill(server)
    server.services[LONG] = service(up=False, error=LONG, team=LONG)
    server.alerts["active"].append(alert(LONG, "critical", service=LONG, summary=LONG, labels={LONG: LONG}))
    server.set("market_data_price", 1.0, symbol=LONG, service="market-data")
    server.set("strategy_daily_pnl", -1e15, strategy=LONG, service="signal-bridge")
    server.tell(Event(EventType.ERROR, data={"message": LONG}, source=LONG))
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(server.url)
    ready(page)
    expect(page.locator("#alerts-list > li")).to_have_count(6)
    page.locator("#alerts-list details").last.click()

    assert overflow(page) == 0
    outside = """(list) => {
      const { right } = list.getBoundingClientRect();
      return [...list.querySelectorAll("*")].filter((each) => each.getBoundingClientRect().right > right + 1).length;
    }"""
    for each in ("#services-list", "#events-list", "#alerts-list"):
        assert page.locator(each).evaluate(outside) == 0, each


@pytest.mark.parametrize("width", [320, 390, 512, 720, 1024, 1400])
def test_no_number_and_no_name_of_a_service_is_cut_off(page: Page, server: PageServer, width: int) -> None:
    fill(server)
    server.set("risk_position_size", -0.00894, symbol="BTC-USD", service="risk-manager")
    server.set("position_value_usd", -1_861_850.0, symbol="BTC-USD", service="risk-manager")
    server.set("risk_pnl_realized", -12_345.67, service="risk-manager")
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(server.url)
    expect(page.locator("#tile-profit-today .note")).to_contain_text("-$12,345.67")

    cut = """(all) => all
      .filter((each) => each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight)
      .map(({ textContent }) => textContent)"""
    for each in (".tile .value", ".tile .note", "td", "#services-list .name"):
        assert page.locator(each).evaluate_all(cut) == [], each


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(page: Page, server: PageServer, theme: Any) -> None:
    fill(server)
    server.set("risk_kill_switch_active", 1.0, service="risk-manager")
    server.set("risk_daily_loss_usd", 4_500.0, service="risk-manager")
    page.emulate_media(color_scheme=theme)
    page.goto(server.url)
    expect(page.locator("#tile-kill-switch .value")).to_have_text("ON")
    expect(page.locator("#events-list > li")).to_have_count(len(EventSeverity))

    assert page.evaluate(CONTRASTS) == []
    server.stop()
    expect(page.locator("#lost")).to_be_visible()
    assert page.evaluate(CONTRASTS) == []
    page.evaluate("() => document.getElementById('keys').showModal()")
    assert page.evaluate(CONTRASTS) == []


def test_the_look_follows_the_system_until_it_is_chosen_and_is_remembered(page: Page, server: PageServer) -> None:
    def ground(colour: str) -> None:
        expect(page.locator("body")).to_have_css("background-color", colour)

    dark, light = "rgb(17, 18, 23)", "rgb(244, 245, 245)"
    page.emulate_media(color_scheme="dark")
    page.goto(server.url)
    ground(dark)
    page.emulate_media(color_scheme="light")
    ground(light)

    page.get_by_label("Look").select_option("dark")
    ground(dark)
    page.reload()
    ground(dark)
    page.keyboard.press("t")
    assert page.get_by_label("Look").input_value() == "auto"
    ground(light)


def test_a_chart_is_drawn_anew_in_the_colours_of_the_look(page: Page, server: PageServer) -> None:
    server.trade()
    page.goto(server.url)
    page.locator("#chart-price select").select_option("ETH-USD")
    colour = "() => getComputedStyle(document.documentElement).getPropertyValue('--line-1')"
    drawn = """(colour) => {
      const canvas = document.querySelector("#chart-price canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const [r, g, b] = colour.match(/[0-9a-f]{2}/g).map((each) => parseInt(each, 16));
      for (let at = 0; at < data.length; at += 4)
        if (Math.abs(data[at] - r) + Math.abs(data[at + 1] - g) + Math.abs(data[at + 2] - b) < 30 && data[at + 3] > 100)
          return true;
      return false;
    }"""
    for look in ("light", "dark"):
        page.get_by_label("Look").select_option(look)
        page.wait_for_function(drawn, arg=page.evaluate(colour))


def test_axes_stand_out_from_the_ground_that_the_system_forces(page: Page, server: PageServer) -> None:
    server.trade()
    page.add_init_script("""
      const write = CanvasRenderingContext2D.prototype.fillText;
      CanvasRenderingContext2D.prototype.fillText = function (...given) {
        window.inks = [this.fillStyle, this.strokeStyle];
        write.apply(this, given);
      };""")
    page.emulate_media(forced_colors="active", color_scheme="dark")
    page.goto(server.url)
    page.locator("#theme").select_option("light")
    expect(page.locator("body")).to_have_css("background-color", "rgb(0, 0, 0)")

    wait_for("a chart has an axis", lambda: page.evaluate("() => window.inks?.[0]") == "#ffffff")
    assert page.evaluate("() => window.inks")[1] not in ("#000000", "#ffffff")
    page.emulate_media(forced_colors="none")


def test_the_whole_page_is_reached_by_the_tab_key_and_shows_where_one_is(page: Page, server: PageServer) -> None:
    fill(server)
    page.goto(server.url)
    expect(page.locator("#events-list > li")).to_have_count(len(EventSeverity))
    page.locator("#chart-price select").wait_for()
    seen: list[str] = []
    for _ in range(80):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => {
              const here = document.activeElement;
              const style = getComputedStyle(here);
              const name = here.id || here.className || here.tagName.toLowerCase();
              const visible = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
              return here === document.body ? null : [name, visible || here.classList.contains("skip")];
            }"""
        )
        if found is None:
            break
        assert found[1], f"{found[0]} does not show that it has the focus"
        seen.append(found[0])

    assert seen[:4] == ["skip", "span", "theme", "help"]
    assert seen.count("canvas") == 6
    assert {"services-list", "events-severity", "events-type", "events-list"} <= set(seen)


def leads(page: Page, key: str, place: str) -> bool:
    """Whether a key moves the focus; a dialog that has just been closed may give it back a moment later."""
    page.keyboard.press(key)
    return bool(page.evaluate("() => document.activeElement.id") == place)


def test_shortcuts_are_listed_and_lead_to_their_places(page: Page, server: PageServer) -> None:
    page.goto(server.url)
    ready(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()

    for key, place in (("1", "main"), ("a", "alerts"), ("c", "charts"), ("s", "services"), ("e", "events")):
        wait_for(f"{key} leads to {place}", partial(leads, page, key, place))
    page.keyboard.press("w")
    assert page.locator("#span").input_value() == "3600"
    page.locator("#events-type").focus()
    page.keyboard.press("a")
    expect(page.locator("#events-type")).to_be_focused()  # a letter in a field is a letter


def test_the_skip_link_leads_to_the_state_of_trading(page: Page, server: PageServer) -> None:
    page.goto(server.url)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_a_screen_reader_finds_landmarks_and_is_not_told_of_every_number(page: Page, server: PageServer) -> None:
    fill(server)
    page.goto(server.url)
    ready(page)

    for name in ("Alerts", "Services", "Events", "Store", "Charts", "Symbols", "Strategies"):
        assert page.get_by_role("region", name=name).count() == 1
    assert page.get_by_role("main").count() == page.get_by_role("banner").count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    live = page.evaluate(
        "() => [...document.querySelectorAll('[aria-live], [role=status], [role=alert]')].map(e => e.id)"
    )
    assert live == ["lost", "announce", "login-error"]


def test_the_focus_stays_on_an_alert_when_one_above_it_begins_or_ends(page: Page, server: PageServer) -> None:
    names = ["Ape", "Bee", "Yak"]
    server.alerts = {"evaluated": True, "reason": "", "active": [alert(each, since=1_000.0) for each in names]}
    page.goto(server.url)
    rows = page.locator("#alerts-list > li")
    expect(rows).to_have_count(3)
    focused = rows.filter(has_text="Yak").locator("summary")
    focused.focus()

    server.alerts = {"evaluated": True, "reason": "", "active": [alert(each, since=1_000.0) for each in names[1:]]}
    expect(rows).to_have_count(2)
    expect(focused).to_be_focused()

    server.alerts["active"].append(alert("Dodo", since=2_000.0))
    expect(rows.first).to_contain_text("Dodo")
    expect(focused).to_be_focused()


def test_hostile_strings_are_text(page: Page, server: PageServer) -> None:
    server.trade()
    server.services[HOSTILE] = service(up=False, error=HOSTILE, team=HOSTILE)
    server.services["__proto__"] = service()
    hostile = alert(HOSTILE, HOSTILE, service=HOSTILE, team=HOSTILE, summary=HOSTILE, labels={HOSTILE: HOSTILE})
    server.alerts = {"evaluated": False, "reason": HOSTILE, "active": [hostile]}
    server.store = {"writing": False, "reason": HOSTILE, "samples_per_second": 0.0, "bytes": 0}
    server.set("market_data_price", 1.0, symbol=HOSTILE, service="market-data")
    server.set("strategy_daily_pnl", 1.0, strategy="constructor", service="signal-bridge")
    server.set("__proto__", 1.0, service="__proto__")
    server.tell(Event(EventType.ERROR, data={HOSTILE: HOSTILE}, source=HOSTILE))
    page.goto(server.url)
    ready(page)

    for place in ("#alerts-list .name", "#alerts-list .summary", "#unevaluated-reason", "#events-list .where"):
        expect(page.locator(place)).to_have_text(HOSTILE)
    page.locator("#events-list summary").click()
    expect(page.locator("#services-list")).to_contain_text(HOSTILE)
    expect(page.locator("#symbols-table")).to_contain_text(HOSTILE)
    expect(page.locator("#strategies-table")).to_contain_text("constructor")
    expect(page.locator("#chart-price .legend")).to_contain_text(HOSTILE)
    assert page.evaluate("() => window.harmed") is None
    assert page.evaluate("() => document.querySelectorAll('main img, main script').length") == 0


def test_sixty_services_have_room_and_those_that_are_down_come_first(page: Page, server: PageServer) -> None:
    server.services = {f"service-{index:02}": service() for index in range(60)}
    server.services["service-33"] = service(up=False, error="gone")
    page.goto(server.url)

    expect(page.locator("#services-list > li")).to_have_count(60)
    expect(page.locator("#services-list .name").first).to_have_text("service-33")
    expect(page.locator("#tile-services .value")).to_have_text("59 of 60 up")
    box = page.locator("#services-list").bounding_box()
    assert box is not None
    assert box["height"] < 500


def test_no_request_leaves_the_server_and_none_is_refused_by_its_policy(page: Page, server: PageServer) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url.replace("ws:", "http:")))
    page.on("console", lambda message: said.append(message.text))
    fill(server)
    page.goto(server.url)
    ready(page)
    page.keyboard.press("t")
    page.locator("#span").select_option("3600")
    expect(page.locator("#events-list > li")).to_have_count(len(EventSeverity))

    assert len(asked) > 20
    assert [url for url in asked if not url.startswith(server.url)] == []
    assert said == []


def test_nothing_moves_by_itself_where_that_is_not_wanted(page: Page, server: PageServer) -> None:
    fill(server)
    page.emulate_media(reduced_motion="reduce")
    page.goto(server.url)
    ready(page)
    page.keyboard.press("e")

    assert page.evaluate("() => document.getAnimations().length") == 0
