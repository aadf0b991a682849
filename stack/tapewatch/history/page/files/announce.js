// Says something to a screen reader, politely: after what it is reading now.

import { byId } from "./dom.js";

export function announce(text) {
  byId("announce").textContent = text;
}
