// What the page says of its connection, and how old the data is that it still shows.

import { byId, setData, setHidden, setText } from "./dom.js";
import { lasting, zone } from "./format.js";

const TITLES = {
  lost: "The connection to the server is lost.",
  silent: "The server is connected, but sends nothing.",
  refused: "The server asks for a key.",
};

export class Status {
  constructor(link) {
    this.link = link;
    this.since = NaN; // When the last snapshot came.
    link.addEventListener("change", () => this.show());
    link.addEventListener("second", () => this.show());
    byId("again").addEventListener("click", () => link.retry());
    this.show();
  }

  take() {
    this.since = performance.now();
  }

  show() {
    const { state, retryAt } = this.link;
    setData(document.body, "link", state);
    setData(byId("link"), "state", state);
    const away = state in TITLES;
    setHidden(byId("lost"), !away);
    setText(byId("zone"), `times in ${zone()}`);
    if (state === "connecting") setText(byId("link-text"), "connecting");
    if (!away) return;
    setText(byId("link-text"), state === "silent" ? "silent" : "not connected");
    setText(byId("lost-title"), TITLES[state]);
    const now = performance.now();
    const age = Number.isNaN(this.since) ? "Nothing has come yet." : `What you see is ${lasting((now - this.since) / 1000)} old.`;
    const wait = Math.ceil((retryAt - now) / 1000);
    setText(byId("lost-age"), state === "lost" ? `${age} ${wait > 0 ? `Next try in ${wait} s.` : "Trying."}` : age);
  }
}
