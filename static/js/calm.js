// How often what moves by itself is drawn: some 20 times a second, or so seldom that all of it together takes a tenth of a core, and
// not in the frames in which the user scrolls or types. The user's own actions are drawn immediately.

const CALM = 40; // milliseconds
const CALMEST = 250;
const SHARE = 0.1;
const costs = { page: 0, animation: 0 }; // milliseconds that the last drawing of each took

const STILL = 40; // milliseconds without a key and without scrolling

const tasks = new MessageChannel();
const coming = [];
tasks.port1.onmessage = () => coming.shift()();

let drawn = 0; // when the page was, the last time
let touched = -STILL; // when the user typed or scrolled

export function noteCost(kind, milliseconds) {
  costs[kind] = milliseconds;
  if (kind === "page") drawn = performance.now();
}

/** The milliseconds to wait before the next drawing. */
export function pause() {
  return Math.min(Math.max(CALM, (costs.page + costs.animation) / SHARE), CALMEST);
}

/** The milliseconds until the page may be drawn: what moves after a quiet time is drawn immediately. */
export const rest = () => Math.max(0, drawn + pause() - performance.now());

/** The milliseconds until the user has neither typed nor scrolled for a moment. */
export const untilStill = () => Math.max(0, touched + STILL - performance.now());

for (const type of ["scroll", "keydown"]) addEventListener(type, () => (touched = performance.now()), { capture: true, passive: true });

/** Call back in a task of its own. A hidden tab draws no frames and its timers are late, but messages arrive. */
export function inNextTask(callback) {
  coming.push(callback);
  tasks.port2.postMessage(null);
}
