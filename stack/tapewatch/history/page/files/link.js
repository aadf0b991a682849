// The WebSocket: opened again by itself when it is lost, with longer and longer pauses, and watched for silence.

const FIRST_PAUSE = 0.5; // Seconds; doubled with each try that fails.
const LONGEST_PAUSE = 15;
const SILENCE = 3; // Seconds without a snapshot after which the page says so: thirty were due.
const DEATH = 6; // Seconds without anything, though we asked for a pong, after which the connection is given up.

export class Link extends EventTarget {
  // take: gets each message. refused: works out whether the server wants a key, when a connection does not open.
  constructor(take, refused) {
    super();
    Object.assign(this, { take, refused, state: "connecting", pause: FIRST_PAUSE, retryAt: NaN, socket: null, timer: 0 });
    this.heard = this.told = performance.now();
    setInterval(() => this.watch(), 1000);
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => {
      // Somebody may have logged in meanwhile, in another tab.
      if (!document.hidden && (this.state === "lost" || this.state === "refused")) this.retry();
    });
  }

  open() {
    clearTimeout(this.timer);
    this.drop();
    this.heard = performance.now();
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/metrics`);
    this.socket = socket;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.heard = this.told = performance.now();
      this.dispatchEvent(new Event("opened"));
    };
    socket.onmessage = ({ data }) => this.hear(data);
    socket.onclose = () => this.lose(opened);
  }

  hear(data) {
    this.heard = performance.now();
    if (data === "pong") return;
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; // Not from our server, or half of something: the next one says the same.
    }
    if (message?.type === "snapshot") {
      this.told = this.heard;
      this.pause = FIRST_PAUSE;
      this.become("live");
    }
    this.take(message);
  }

  async lose(opened) {
    this.drop();
    if (!opened && (await this.refused())) {
      this.become("refused");
      this.dispatchEvent(new Event("refused")); // Each time: whoever tries again is asked again.
      return;
    }
    if (this.socket !== null) return; // Somebody tried again meanwhile.
    const pause = this.pause * (0.5 + Math.random() / 2);
    this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
    this.retryAt = performance.now() + pause * 1000;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), pause * 1000);
    this.become("lost");
  }

  // An old socket must not speak any more, even when its end takes minutes to be noticed.
  drop() {
    if (this.socket === null) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }

  retry() {
    if (this.state === "live" || this.state === "connecting") return;
    this.pause = FIRST_PAUSE;
    this.open();
  }

  watch() {
    const now = performance.now();
    if (this.socket?.readyState === WebSocket.OPEN) {
      if (now - this.heard > SILENCE * 1000) this.socket.send("ping");
      if (now - this.told > SILENCE * 1000 && this.state === "live") this.become("silent");
    }
    if (this.socket !== null && now - this.heard > DEATH * 1000) this.lose(true);
    this.dispatchEvent(new Event("second"));
  }

  become(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
