// The live page: messages come in, the model takes them, and what changed is drawn with the next frame.

import { Alerts } from "./alerts.js";
import { Board } from "./board.js";
import { byId, setHidden } from "./dom.js";
import { Events } from "./events.js";
import { later } from "./frame.js";
import { History } from "./history.js";
import { listen } from "./keys.js";
import { Link } from "./link.js";
import { Login, refused } from "./login.js";
import { Measures } from "./measures.js";
import { Model } from "./model.js";
import { Services } from "./services.js";
import { Status } from "./status.js";
import { Storage } from "./storage.js";
import { strategies, symbols } from "./tables.js";
import { Tiles } from "./tiles.js";

const QUANTILES_EVERY = 30_000; // Milliseconds: the history has a new minute every 60 s.

const model = new Model();
const source = { model, measures: new Measures(model) };
const board = new Board(source);
const history = new History(source, board);
const events = new Events();
const storage = new Storage(source);
const parts = [new Tiles(source), new Alerts(source), new Services(source), symbols(source), strategies(source), storage];
let filled = false; // Since the connection was opened.

const link = new Link(take, refused);
const status = new Status(link);
const login = new Login(() => link.retry());

function draw() {
  setHidden(byId("simulated"), !model.simulated);
  for (const part of parts) part.show();
}

function take(message) {
  if (message?.type === "series") model.define(message);
  else if (message?.type === "events") events.take(message.events);
  else if (message?.type === "snapshot" && model.take(message)) {
    status.take();
    storage.take();
    board.take();
    events.date(model.at);
    later(draw);
    if (!filled) {
      filled = true;
      history.fill();
      events.fill();
    }
  }
}

link.addEventListener("opened", () => {
  model.version = null; // Another server may have begun to count anew.
  filled = false;
  storage.forget();
  login.leave();
});
link.addEventListener("refused", () => login.ask());
byId("span").addEventListener("change", () => history.fill());
setInterval(() => history.refresh(), QUANTILES_EVERY);
listen({ retry: () => link.retry() });
draw();
link.open();
