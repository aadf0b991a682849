// How the store is, and the stream of snapshots.

import { byId, setData, setText, showPairs } from "./dom.js";
import { bytes, count, number, UNKNOWN } from "./format.js";

export class Storage {
  constructor(source) {
    this.source = source;
    this.began = NaN;
    this.seen = 0;
    this.rate = NaN;
  }

  // At each snapshot, whether it is drawn or not.
  take() {
    const now = performance.now();
    if (Number.isNaN(this.began)) this.began = now;
    else this.seen += 1;
    if (now - this.began < 2000) return;
    this.rate = (this.seen / (now - this.began)) * 1000;
    this.began = now;
    this.seen = 0;
  }

  forget() {
    this.began = this.rate = NaN;
    this.seen = 0;
  }

  show() {
    const { store, entries } = this.source.model;
    const writing = store.writing === true ? "yes" : store.writing === false ? `no: ${store.reason || "no reason was given"}` : UNKNOWN;
    setData(byId("store"), "level", store.writing === false ? "bad" : "");
    showPairs(byId("store-list"), [
      ["Writing", writing],
      ["Samples a second", number(store.samples_per_second)],
      ["Size on disk", bytes(store.bytes)],
      ["Series live", count(entries.length)],
    ]);
    const rate = Number.isNaN(this.rate) ? "" : `, ${count(this.rate)} updates a second`;
    if (document.body.dataset.link === "live") setText(byId("link-text"), `live${rate}`);
  }
}
