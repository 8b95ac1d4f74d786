// The previews of running tasks. `previews_worker.js` decodes them and draws them on canvases, so that they neither need an address,
// which the browser registers and loads, nor a drawing of the page. Python shows the first one of a task; those that name their
// prompt, as ComfyUI sends them to pages that ask for it, follow directly from the socket. In a hidden tab, and while the user types
// or scrolls, the latest waits.

import { untilStill } from "./calm.js";

const WORKER = new URL("./previews_worker.js", import.meta.url);

const shown = new Map(); // prompt_id → {canvas: element, held: picture that waits}
const handsOver = "transferControlToOffscreen" in HTMLCanvasElement.prototype;
let timer = 0;
let worker = null;
let inPage = null; // the promise of what draws without a worker

/** Show a task's preview once its canvas is on the page: a Blob, or what `socket.js` has received, from `offset` on. */
export function showPreview(promptId, source, offset) {
  if (!shown.has(promptId)) shown.set(promptId, { canvas: null, held: null });
  follow(promptId, source instanceof Blob ? { blob: source.slice(offset) } : { data: source.data, offset });
}

/** Show what follows, if this task's previews are shown. */
export function follow(promptId, picture) {
  const task = shown.get(promptId);
  if (!task) return;
  task.held = picture;
  sendHeld();
}

function sendHeld() {
  clearTimeout(timer);
  if (document.hidden) return;
  if (untilStill() > 0) {
    timer = setTimeout(sendHeld, untilStill());
    return;
  }
  for (const [id, task] of shown) {
    if (task.held) send({ id, picture: task.held });
    task.held = null;
  }
}

/** Show no more previews of a task. */
export function forgetPreview(promptId) {
  if (shown.delete(promptId)) send({ forget: promptId });
}

/** The page was patched: hand new canvases over. */
export function settlePreviews() {
  for (const canvas of document.querySelectorAll("canvas[data-preview]")) {
    const task = shown.get(canvas.dataset.preview);
    if (!task || task.canvas === canvas) continue;
    task.canvas = canvas;
    const surface = handsOver ? canvas.transferControlToOffscreen() : canvas;
    send({ id: canvas.dataset.preview, canvas: surface }, handsOver ? [surface] : []);
  }
}

function send(message, handed = []) {
  if (!handsOver) {
    inPage ??= import(WORKER);
    inPage.then(({ take }) => take(message, noteSize));
    return;
  }
  if (!worker) {
    worker = new Worker(WORKER, { type: "module" });
    worker.onmessage = ({ data }) => noteSize(data);
    worker.onerror = beginAgain;
  }
  worker.postMessage(message, handed);
}

/** The worker's script has not come: take other canvases, which go to another worker with what is drawn next. */
function beginAgain() {
  worker = null;
  for (const task of shown.values()) {
    task.canvas?.replaceWith(task.canvas.cloneNode());
    task.canvas = null;
  }
}

function noteSize({ id, size }) {
  const canvas = shown.get(id)?.canvas;
  if (canvas) canvas.dataset.size = size;
}

document.addEventListener("visibilitychange", sendHeld);
