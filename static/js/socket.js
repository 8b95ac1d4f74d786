// One WebSocket whose messages are queued here, so that Python is called once per batch and not once per message.
//
//   const channel = new Channel(url);
//   await channel.opened(10000);          // "" when open, else why not
//   await channel.receive();              // [string | {head: Uint8Array, body: Bytes}, ...], or null when it has ended
//   await channel.close(5000);            // resolves after the close event, or after that many milliseconds
//
// Progress and previews come in as often as the page is drawn for them (`calm.js`): of what arrives until then only the latest is
// kept, of each node's steps and pictures, and Python is called once for all. Anything else is delivered immediately, with what came
// before it. So is everything in a hidden tab, whose timers are late.
//
// Previews that name their prompt go to `previews.js` as well, as they come.
//
// Handlers are properties of the socket, set once and cleared when it ends: nothing piles up over reconnects.

import { pause } from "./calm.js";
import { follow } from "./previews.js";

const HEAD_BYTES = 8192; // every header of ComfyUI's binary frames fits
const HEADER_START = 8;
// As ComfyUI writes them. What is written otherwise is kept whole, each message.
const STEP = /^\{"type": "progress", "data": \{"value": (\d+(?:\.\d+)?), ("max": .*)$/s;
const STATES = /^\{"type": "progress_state", "data": \{"prompt_id": "[^"]*", "nodes"/;

/** What is needed of a Blob. A Blob itself is made of the pictures that are drawn only: a browser registers each with its main process. */
class Bytes {
  constructor(data) {
    this.data = data;
    this.size = data.byteLength;
    this.type = "";
  }

  slice(start = 0, end = this.size, type = "") {
    return new Blob([new Uint8Array(this.data).subarray(start, end)], { type });
  }

  async arrayBuffer() { return this.data; }
}

export class Channel {
  constructor(url) {
    this.code = 0; // of the close event, with its reason
    this.reason = "";
    this.ended = false;
    this.queue = [];
    this.latest = new Map(); // what a preview or a progress is of -> its place in the queue, and how far
    this.isUrgent = false; // the queue has a message that is delivered immediately
    this.due = null; // the timer
    this.waiter = null;
    this.whenEnded = new Promise((resolve) => { this.tellEnded = resolve; });
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.whenOpen = new Promise((resolve) => {
      this.socket.onopen = () => resolve("");
      this.socket.onclose = (event) => { resolve("refused"); this.#end(event.code, event.reason); };
    });
    this.socket.onmessage = (event) => this.#add(event.data);
    this.socket.onerror = () => {}; // a close event with a code always follows
  }

  get url() { return this.socket.url; }
  get isOpen() { return this.socket.readyState === WebSocket.OPEN; }

  async opened(milliseconds) {
    const why = await within(this.whenOpen, milliseconds, "deadline");
    if (why) this.abandon();
    return why;
  }

  send(text) {
    if (!this.isOpen) return false;
    this.socket.send(text);
    return true;
  }

  receive() {
    if (this.queue.length && (this.isUrgent || this.ended)) return Promise.resolve(this.#take());
    if (this.ended) return Promise.resolve(null);
    const waiting = new Promise((resolve) => { this.waiter = resolve; });
    if (this.queue.length) this.#tellSoon();
    return waiting;
  }

  async close(milliseconds) {
    this.socket.close();
    await within(this.whenEnded, milliseconds, null);
    this.#end(1006);
  }

  abandon() {
    this.socket.close();
    this.#end(1006);
  }

  #add(data) {
    const isPassing = typeof data === "string" ? this.#addText(data) : this.#addFrame(data);
    if (isPassing) {
      this.#tellSoon();
    } else {
      this.isUrgent = true;
      this.#tell();
    }
  }

  #addText(text) {
    const step = STEP.exec(text);
    const subject = step?.[2] ?? STATES.exec(text)?.[0];
    if (subject !== undefined) this.#overtake(subject, Number(step?.[1] ?? 0));
    this.queue.push(text);
    return subject !== undefined;
  }

  #addFrame(data) {
    const frame = { head: new Uint8Array(data, 0, Math.min(HEAD_BYTES, data.byteLength)), body: new Bytes(data) };
    const subject = previewSubject(frame.head);
    if (subject !== null) this.#overtake(subject, 0);
    if (subject?.startsWith("4")) passOn(subject.slice(1), data);
    this.queue.push(frame);
    return subject !== null;
  }

  // A new message supersedes an unread one of the same node. A node that starts to count a second time is different.
  #overtake(subject, far) {
    const older = this.latest.get(subject);
    if (older !== undefined && far >= older.far) this.queue[older.place] = null;
    this.latest.set(subject, { place: this.queue.length, far });
  }

  #take() {
    const batch = this.queue.filter((item) => item !== null);
    this.queue = [];
    this.isUrgent = false;
    this.latest.clear();
    return batch;
  }

  #tellSoon() {
    if (!this.waiter) return; // the next call gets it
    if (document.hidden) {
      this.#tell();
      return;
    }
    this.due ??= setTimeout(() => {
      this.due = null;
      if (this.waiter && this.queue.length) this.#tell();
    }, pause());
  }

  #tell() {
    const tell = this.waiter;
    this.waiter = null;
    tell?.(this.queue.length ? this.#take() : null);
  }

  #end(code, reason = "") {
    if (this.ended) return;
    this.ended = true;
    this.code = code;
    this.reason = reason;
    this.socket.onopen = this.socket.onclose = this.socket.onmessage = this.socket.onerror = null;
    this.#tell();
    this.tellEnded();
  }
}

// What a binary frame is a preview of: type 1 says nothing more, unless it is a frame of an animation, which has a 1 instead of a
// picture's beginning, and then its index; type 4 carries a JSON header. Null for anything else.
function previewSubject(head) {
  if (head.length < HEADER_START) return null;
  const view = new DataView(head.buffer);
  const type = view.getUint32(0);
  if (type === 1) return head.length >= 16 && view.getUint32(8) === 1 ? `1 ${view.getUint32(12)}` : "1";
  const end = HEADER_START + view.getUint32(4);
  if (type !== 4 || end > head.length) return null;
  return "4" + String.fromCharCode(...head.subarray(HEADER_START, end));
}

// A picture that names its prompt is drawn now: Python has shown that this task has previews, or shows this one as its first.
function passOn(header, data) {
  try {
    const offset = HEADER_START + new DataView(data).getUint32(4);
    follow(JSON.parse(header).prompt_id, { data, offset });
  } catch {} // Python reports it
}

async function within(promise, milliseconds, otherwise) {
  let timer;
  const late = new Promise((resolve) => { timer = setTimeout(resolve, milliseconds, otherwise); });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
