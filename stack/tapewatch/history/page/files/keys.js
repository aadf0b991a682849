// Shortcuts; the dialog "Keys" on the page lists them.

import { byId } from "./dom.js";

const PLACES = { 1: "main", 2: "alerts", a: "alerts", 3: "charts", c: "charts", 4: "services", s: "services", 5: "events", e: "events" };

function next(select) {
  select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
  select.dispatchEvent(new Event("change"));
}

function go(id) {
  const place = byId(id);
  place.scrollIntoView({ block: "start" });
  place.focus({ preventScroll: true });
}

// Whoever types into a field, or uses the keys of the system, means something else.
const meansUs = ({ target, ctrlKey, metaKey, altKey }) =>
  !ctrlKey && !metaKey && !altKey && !target.closest("input, select, textarea, dialog");

export function listen({ retry }) {
  const help = byId("keys");
  byId("help").addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", (event) => {
    if (!meansUs(event)) return;
    const does = { "?": () => help.showModal(), w: () => next(byId("span")), t: () => next(byId("theme")), r: retry }[event.key];
    if (does !== undefined) does();
    else if (Object.hasOwn(PLACES, event.key)) go(PLACES[event.key]);
    else return;
    event.preventDefault();
  });
}
