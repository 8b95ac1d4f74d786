// The dialog in which a mask is painted over a picture. Python draws it (app/ui/form/mask.html) and gets a file back, as
// if it had been chosen; strokes, steps and zoom never get there.

import { say as announce } from "./live.js";
import { blobOf, readPixels } from "./picture.js";
import { Surface } from "./surface.js";

const MARGIN = 16; // pixels around what is fitted
const CLOSEST = 16; // screen pixels for one of the picture
const FINEST = 1 / 3; // of the longer side: the widest brush
const KEPT = 8 * 1024 * 1024; // pixels, 13 bytes each, that stay in memory after the dialog
const byId = (id) => document.getElementById(id);

let body = null; // of the open dialog
let surface = null; // its picture; it stays after the dialog is closed, so that the same one is gone on with
let tell = null; // how a file is handed on
let scale = 1;
let isErasing = false;
let used = null; // the last step that the file in the field has
let spot = [0, 0]; // where the brush is, in the picture
const fingers = new Map();

/** After a patch: a dialog that was opened begins, with the picture of its field. */
export function beginMask(tellFiles) {
  const found = document.querySelector("[data-mask]");
  if (!found || found === body) return;
  [body, tell, isErasing] = [found, tellFiles, false];
  fingers.clear();
  listen(stage());
  const { src, own } = body.dataset; // `own` is there where the mask is a file of its own, empty if there is none yet
  fill(blobOf(src), own === undefined ? null : blobOf(own));
}

async function fill(blob, own) {
  const mine = body;
  const isApart = own !== null;
  const isSame = surface?.isApart === isApart && surface.file === (own ?? blob) && (!isApart || surface.source === blob);
  if (!isSame) {
    surface = null;
    say(words().reading);
    const pixels = await readPixels(blob).catch(() => null);
    const before = own && (await readPixels(own).catch(() => null));
    if (body !== mine || !body.isConnected) return;
    if (!pixels) return say(words().unreadable);
    try {
      const fresh = new Surface(blob, pixels, isApart);
      if (before) fresh.resume(own, before);
      surface = fresh;
      used = null;
    } catch {
      return say(words().failed); // no memory for it
    }
    say("");
  }
  const { width, height, picture, paint } = surface;
  byId("mask-sheet").replaceChildren(picture, paint, ring());
  picture.className = "mask-picture";
  paint.className = "mask-paint";
  byId("mask-size").value = Math.round(slideOf(Math.max(width, height) / 10));
  spot = [width / 2, height / 2];
  fit();
  renew();
}

const isUnsaved = () => isOpen() && (surface.done.at(-1) ?? null) !== used;
const isOpen = () => Boolean(body?.isConnected && surface);
const stage = () => byId("mask-stage");
const words = () => JSON.parse(body.dataset.words);
const say = (text) => {
  byId("mask-note").textContent = text;
  if (text) announce(text);
};

function ring() {
  const element = document.createElement("div");
  element.className = "mask-ring";
  element.id = "mask-ring";
  return element;
}

// The brush: its width grows by factors, so that small ones can be distinguished

const widest = () => Math.max(2, Math.max(surface.width, surface.height) * FINEST);
const brush = () => Math.max(1, Math.round(widest() ** (byId("mask-size").value / 100)));
const slideOf = (size) => (100 * Math.log(size)) / Math.log(widest());

function renew() {
  for (const tool of body.querySelectorAll("[data-mask-tool]")) {
    const name = tool.dataset.maskTool;
    if (name === "brush" || name === "erase") tool.setAttribute("aria-pressed", String(isErasing === (name === "erase")));
    if (name === "undo" || name === "redo") tool.disabled = !(name === "undo" ? surface.done : surface.undone).length;
  }
  const label = words().size.replace("{size}", brush());
  byId("mask-size").setAttribute("aria-valuetext", label);
  byId("mask-size-label").textContent = label;
  point(...spot);
}

function point(x, y) {
  spot = [x, y];
  const size = brush() * scale;
  Object.assign(byId("mask-ring").style, { width: `${size}px`, height: `${size}px`, left: `${x * scale}px`, top: `${y * scale}px` });
}

// The view

function zoom(next, [x, y] = [stage().clientWidth / 2, stage().clientHeight / 2]) {
  const view = stage();
  const before = byId("mask-sheet").getBoundingClientRect();
  const room = view.getBoundingClientRect();
  const [left, top] = [(room.left + x - before.left) / scale, (room.top + y - before.top) / scale];
  scale = Math.min(CLOSEST, Math.max(Math.min(fitting(), 1) / 2, next));
  const sheet = byId("mask-sheet");
  Object.assign(sheet.style, { width: `${surface.width * scale}px`, height: `${surface.height * scale}px` });
  sheet.classList.toggle("is-close", scale >= 3);
  const after = sheet.getBoundingClientRect();
  view.scrollBy(after.left + left * scale - room.left - x, after.top + top * scale - room.top - y);
  point(...spot);
}

const fitting = () => Math.min((stage().clientWidth - 2 * MARGIN) / surface.width, (stage().clientHeight - 2 * MARGIN) / surface.height, CLOSEST);
const fit = () => zoom(fitting());
new ResizeObserver(() => { if (isOpen() && stage().clientWidth) fit(); }).observe(document.documentElement);

// Input

const TOOLS = {
  brush: () => { isErasing = false; },
  erase: () => { isErasing = true; },
  undo: () => surface.undo(),
  redo: () => surface.redo(),
  invert: () => surface.invert(),
  clear: () => surface.clear(),
  in: () => zoom(scale * 1.5),
  out: () => zoom(scale / 1.5),
  fit,
  done,
  resume: () => ask(false),
};

// A painting is discarded only on request: Escape, a click beside the dialog and its close buttons ask first.

function ask(isAsked) {
  byId("mask-question").hidden = !isAsked;
  byId("mask-ends").hidden = isAsked;
  (isAsked ? byId("mask-question").querySelector("button") : stage()).focus();
}

function onEscape(event) {
  if (event.key !== "Escape" || !isUnsaved()) return;
  event.preventDefault();
  event.stopPropagation();
  ask(byId("mask-question").hidden);
}

/** Ask first if this event would close the dialog with a painting that is not in use. */
function onClose(event) {
  const dialog = body?.closest("dialog");
  const isClosing = event.type === "cancel" || event.target === dialog || event.target.closest?.("[data-action=close-dialog]");
  if (!isClosing || !dialog?.contains(event.target) || event.target.closest?.("[data-discard]") || !isUnsaved()) return;
  event.preventDefault();
  event.stopPropagation();
  ask(true);
}

addEventListener("keydown", onEscape, true);
addEventListener("cancel", onClose, true);
addEventListener("click", onClose, true);

function use(name) {
  if (!isOpen() || surface.stroke) return;
  say("");
  TOOLS[name]();
  if (isOpen()) renew();
}

async function done() {
  const buttons = [...body.querySelectorAll("[data-mask-tool=done]")];
  const { node, name, file } = body.dataset;
  const mine = body;
  for (const button of buttons) button.disabled = true;
  say(words().writing);
  const before = surface.file;
  const made = await surface.made(file).catch(() => null);
  if (!mine.isConnected) return;
  if (!made) {
    for (const button of buttons) button.disabled = false;
    return say(words().failed);
  }
  used = surface.done.at(-1) ?? null;
  if (made !== before) tell(node, name, [made]);
  if (surface.width * surface.height > KEPT) surface = null; // all but its steps is in the file
  mine.closest("dialog").querySelector("[data-action=close-dialog]").click();
}

/** Files that are dropped or pasted while the dialog is open are mask files; false if it is not. */
export function takeMaskFile([file]) {
  if (!isOpen()) return false;
  load(file);
  return true;
}

async function load(file) {
  const mine = surface;
  try {
    const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
    if (surface !== mine || !isOpen()) return;
    surface.load(bitmap);
    const isSame = bitmap.width === surface.width && bitmap.height === surface.height;
    say(isSame ? "" : words().scaled.replace("{size}", `${bitmap.width} × ${bitmap.height}`));
    bitmap.close();
    renew();
  } catch {
    if (isOpen()) say(words().nomask.replace("{name}", file.name));
  }
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-discard]")) surface = null;
  const tool = event.target.closest?.("[data-mask-tool]");
  if (tool) use(tool.dataset.maskTool);
});
document.addEventListener("change", (event) => {
  if (event.target.id !== "mask-file" || !isOpen()) return;
  const [file] = event.target.files;
  event.target.value = "";
  if (file) load(file);
});
document.addEventListener("input", (event) => { if (event.target.id === "mask-size" && isOpen()) renew(); });

const KEYS = { b: "brush", e: "erase", i: "invert", "+": "in", "=": "in", "-": "out", 0: "fit" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

document.addEventListener("keydown", (event) => {
  if (!isOpen() || event.isComposing || event.altKey) return;
  if (!onKey(event, event.key.length === 1 ? event.key.toLowerCase() : event.key)) return;
  event.preventDefault();
});

function onKey(event, key) {
  if (event.ctrlKey || event.metaKey) {
    if (key !== "z" && key !== "y") return false;
    use(key === "y" || event.shiftKey ? "redo" : "undo");
  } else if (key === "[" || key === "]") {
    byId("mask-size").value = Number(byId("mask-size").value) + (key === "[" ? -4 : 4);
    renew();
  } else if (KEYS[key] && document.documentElement.dataset.keys !== "off") use(KEYS[key]);
  else if (event.target === stage()) return byKeyboard(event, key);
  else return false;
  return true;
}

/** The arrows lead the brush, the space bar paints where it is; with Shift the arrows paint on the way. */
function byKeyboard(event, key) {
  if (key !== " " && !ARROWS[key]) return false;
  const step = Math.max(1, brush() / 4);
  const [right, down] = ARROWS[key] ?? [0, 0];
  const [x, y] = [Math.min(surface.width, Math.max(0, spot[0] + right * step)), Math.min(surface.height, Math.max(0, spot[1] + down * step))];
  stage().classList.add("is-aimed");
  if (key === " " || event.shiftKey) {
    surface.begin(...spot, brush(), isErasing);
    surface.lead(x, y);
    surface.end();
  }
  point(x, y);
  renew();
  return true;
}

function listen(view) {
  const at = (event) => {
    const box = surface.paint.getBoundingClientRect();
    return [((event.clientX - box.left) * surface.width) / box.width, ((event.clientY - box.top) * surface.height) / box.height];
  };
  view.addEventListener("pointerdown", (event) => {
    const isBar = event.target === view && (event.offsetX >= view.clientWidth || event.offsetY >= view.clientHeight);
    if (!isOpen() || isBar || (event.button > 0 && event.button !== 5)) return;
    fingers.set(event.pointerId, event);
    view.setPointerCapture(event.pointerId);
    if (fingers.size > 1) return surface.cancel();
    surface.begin(...at(event), brush(), isErasing || event.button === 5); // 5 is a pen's other end
    point(...at(event));
  });
  view.addEventListener("pointermove", (event) => {
    if (!isOpen()) return;
    view.classList.toggle("is-aimed", event.pointerType !== "touch");
    if (fingers.size > 1 && fingers.has(event.pointerId)) return pinch(event);
    const way = event.getCoalescedEvents?.() ?? [];
    if (surface.stroke) for (const each of way.length ? way : [event]) surface.lead(...at(each));
    point(...at(event));
  });
  const end = (event) => {
    if (!fingers.delete(event.pointerId) || !isOpen()) return;
    if (surface.stroke) surface.end();
    renew();
  };
  view.addEventListener("pointerup", end);
  view.addEventListener("pointercancel", end);
  view.addEventListener("pointerleave", () => view.classList.remove("is-aimed"));
  view.addEventListener("wheel", (event) => {
    if (!isOpen() || !event.ctrlKey) return;
    event.preventDefault();
    const room = view.getBoundingClientRect();
    zoom(scale * Math.exp(-Math.max(-100, Math.min(100, event.deltaY)) * 0.01), [event.clientX - room.left, event.clientY - room.top]);
  }, { passive: false });
}

/** Two fingers move and zoom the picture. */
function pinch(event) {
  const span = () => {
    const [one, two] = [...fingers.values()];
    return [(one.clientX + two.clientX) / 2, (one.clientY + two.clientY) / 2, Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY)];
  };
  const [x, y, reach] = span();
  fingers.set(event.pointerId, event);
  const [toX, toY, toReach] = span();
  stage().scrollBy(x - toX, y - toY);
  const room = stage().getBoundingClientRect();
  if (reach && toReach) zoom((scale * toReach) / reach, [toX - room.left, toY - room.top]);
}
