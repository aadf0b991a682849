// Asks for the API key where the server wants one. The server keeps it in a cookie that no script can read.

import { byId, setText } from "./dom.js";

const WORDS = new Map([[401, "This is not the key."], [403, "This is not the key."], [429, "Too many tries; wait a moment."]]);

const PATIENCE = 5_000; // Milliseconds: a server that never answers must not keep the page from trying again.

// Whether the server wants a key that we do not have.
export async function refused() {
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    return (await fetch("/api/events?limit=1", { cache: "no-store", signal })).status === 401;
  } catch {
    return false;
  }
}

export class Login {
  // done: called when the server has taken the key.
  constructor(done) {
    this.done = done;
    this.dialog = byId("login");
    this.dialog.addEventListener("cancel", (event) => event.preventDefault()); // There is nothing to see without it.
    byId("login-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
  }

  ask() {
    if (!this.dialog.open) this.dialog.showModal();
  }

  // Nobody need log in any more.
  leave() {
    if (this.dialog.open) this.dialog.close();
  }

  async send() {
    setText(byId("login-error"), "");
    const field = byId("key");
    try {
      const answer = await fetch("/login", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ key: field.value }),
      });
      if (!answer.ok) {
        setText(byId("login-error"), WORDS.get(answer.status) ?? `The server answered ${answer.status}.`);
        field.select();
        return;
      }
    } catch {
      setText(byId("login-error"), "The server does not answer.");
      return;
    }
    field.value = "";
    this.leave();
    this.done();
  }
}
