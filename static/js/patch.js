// The page's one contact with the DOM: patches regions, hands events on, and does what takes many DOM calls at once.
// Python calls `update` once per change, and gets one callback per kind of event.

import { Idiomorph } from "/static/vendor/idiomorph/idiomorph.esm.js";
import { mark, place } from "/static/js/graph.js";

const FIELDS = "input, textarea, select";
const COMBO = new Set(["aria-expanded", "aria-activedescendant", "aria-controls"]);
let isComposing = false;
const owned = new Set(); // fields that this patch may not touch

const byId = (id) => document.getElementById(id);

function isField(node) {
  return node instanceof Element && node.matches(FIELDS);
}

/** The person owns a field while it has the focus, while text is being composed, and what was typed since it was drawn. */
function isOwned(field, fresh) {
  if (field === document.activeElement || isComposing) return true;
  if (field.type === "checkbox" || field.type === "radio") return false;
  if (field instanceof HTMLTextAreaElement) return fresh.defaultValue === field.defaultValue;
  if (field instanceof HTMLSelectElement) return false;
  return fresh.getAttribute("value") === field.getAttribute("value");
}

const callbacks = {
  beforeNodeMorphed(node, fresh) {
    if (node.dataset?.kept !== undefined && node.dataset.kept === fresh.dataset?.kept) return false; // graph.js has it
    if (isField(node) && isOwned(node, fresh)) owned.add(node);
    return true;
  },
  beforeAttributeUpdated(name, element) {
    if (name === "open") return false; // details and dialogs are opened and closed by the person, or by showDialogs
    if (COMBO.has(name) && element.getAttribute("role") === "combobox") return false; // combo.js owns its list
    if (name === "value" || name === "checked" || name === "selected") return !owned.has(element.closest(FIELDS) ?? element);
    return true;
  },
  beforeNodeRemoved(node) {
    if (node instanceof HTMLDialogElement && node.open) node.close(); // gives the focus back to where it was
    return true;
  },
};

/** One update of the page: `{"regions": {id: html}, "kept": {id: html}, "graph": …, "title": …, "icon": …, "lang": …, "live": …,
 *  "reveal": id}` as JSON. What is kept is put in after its region was patched, and is no business of patches from then on. */
export function update(text) {
  const change = JSON.parse(text);
  const focused = document.activeElement;
  for (const [id, html] of Object.entries(change.regions ?? {})) {
    owned.clear();
    Idiomorph.morph(byId(id), html, { morphStyle: "innerHTML", callbacks });
  }
  for (const { node, name, text: typed } of change.texts ?? []) setText(node, name, typed);
  if (change.title !== undefined) document.title = change.title;
  if (change.lang !== undefined) document.documentElement.lang = change.lang;
  if (change.live !== undefined) byId("live").textContent = change.live;
  if (change.icon !== undefined && !byId("favicon").href.endsWith(change.icon)) byId("favicon").href = change.icon;
  if (change.reveal !== undefined && matchMedia("(width < 900px)").matches) reveal(byId(change.reveal));
  if (change.kept !== undefined) place(change.kept);
  showDialogs();
  if (change.graph !== undefined) mark(change.graph);
  if (focused?.id && document.activeElement === document.body) byId(focused.id)?.focus({ preventScroll: true }); // it moved
  if (focused?.isConnected === false) keepFocus(focused);
}

/** Into a field that the person owns, when the person has asked for it: undo, redo. */
function setText(node, name, text) {
  for (const field of document.querySelectorAll("[data-node][data-name]")) {
    if (field.dataset.node !== node || field.dataset.name !== name || !isField(field) || field.type === "file") continue;
    if (field.dataset.change === "seed-mode" || field.dataset.change === "rename") continue;
    if (field.type === "checkbox") field.checked = text === "true";
    else field.value = text;
  }
}

/** What had the focus is gone with this patch: its task's card has it now, or else the work, never the top of the page. */
function keepFocus(gone) {
  if (document.activeElement !== document.body) return;
  const card = byId(`task-${gone.closest("[data-prompt-id]")?.dataset.promptId}`);
  (card ?? byId("main")).focus({ preventScroll: true });
}

/** In one column, what a click has begun is below the form: go there. */
function reveal(element) {
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  element.scrollIntoView({ behavior, block: "start" });
}

function showDialogs() {
  for (const dialog of document.querySelectorAll("dialog[data-modal]")) if (!dialog.open) dialog.showModal();
}

const soon = new MessageChannel();
soon.port1.onmessage = () => soon.waiting?.();

/** Call back once, before the next frame. A hidden tab draws no frames and its timers are late, but messages arrive. */
export function schedule(callback) {
  if (document.hidden) {
    soon.waiting = callback;
    soon.port2.postMessage(null);
    return;
  }
  let isDone = false;
  const once = () => {
    if (isDone) return;
    isDone = true;
    callback();
  };
  requestAnimationFrame(once);
  setTimeout(once, 250);
}

const facts = (element, event) => JSON.stringify({ ...element.dataset, value: element.value ?? "", checked: element.checked ?? false, type: event.type });

function onEvent(type, attribute, callback) {
  document.addEventListener(type, (event) => {
    const element = event.target.closest?.(`[data-${attribute}]`);
    if (element && !element.disabled) callback(element.dataset[attribute], facts(element, event));
  });
}

/** Clicks on `data-action`, changes of `data-change`, typing in `data-input`: `callback(name, facts as JSON)`. */
export function listen(onAction, onChange, onInput) {
  onEvent("click", "action", onAction);
  onEvent("change", "change", onChange);
  onEvent("input", "input", onInput);
  document.addEventListener("compositionstart", () => { isComposing = true; });
  document.addEventListener("compositionend", () => { isComposing = false; });
  document.addEventListener("keydown", (event) => {
    const isRun = event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing && !document.querySelector("dialog[open]");
    if (!isRun) return;
    event.preventDefault();
    onAction("run", "{}");
  });
  document.addEventListener("cancel", (event) => {
    if (!(event.target instanceof HTMLDialogElement)) return;
    event.preventDefault();
    onAction("close-dialog", "{}");
  }, true);
  document.addEventListener("click", (event) => {
    if (event.target instanceof HTMLDialogElement) onAction("close-dialog", "{}"); // the backdrop
  });
}

const pictures = (transfer) => [...(transfer?.files ?? [])];
const hasFiles = (event) => event.dataTransfer?.types?.includes("Files");

/** A click on `data-copy` copies what stands in that element; the button says so for a moment. */
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button || !(await copy(byId(button.dataset.copy)))) return;
  const label = button.querySelector("span");
  const before = label.textContent;
  if (before === button.dataset.copied) return;
  label.textContent = byId("live").textContent = button.dataset.copied;
  setTimeout(() => { label.textContent = before; }, 2000);
});

/** A page that is no secure context has no clipboard, but it may copy a selection. */
async function copy(element) {
  if (navigator.clipboard) return navigator.clipboard.writeText(element.innerText).then(() => true, () => false);
  const selection = getSelection();
  selection.selectAllChildren(element);
  const isDone = document.execCommand("copy");
  selection.removeAllRanges();
  return isDone;
}

/** Files that are dropped, pasted or chosen: `callback(node, input, files)`; node is empty when no field was aimed at. */
export function listenFiles(callback) {
  const tell = (files, aim) => {
    if (files.length) callback(aim?.dataset.node ?? "", aim?.dataset.name ?? "", files);
  };
  document.addEventListener("change", (event) => {
    if (!event.target.matches?.("[data-files]")) return;
    const files = [...event.target.files];
    event.target.value = ""; // so that the same file can be chosen again
    tell(files, event.target);
  });
  document.addEventListener("paste", (event) => {
    const files = pictures(event.clipboardData);
    if (!files.length) return;
    event.preventDefault();
    tell(files, document.activeElement?.closest?.("[data-drop]"));
  });
  const mark = (event) => {
    document.querySelector(".drop.is-over")?.classList.remove("is-over");
    event?.target.closest?.("[data-drop]")?.classList.add("is-over");
    document.body.classList.toggle("is-dragging", Boolean(event));
  };
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    mark(event);
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) mark(null); });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    const aim = event.target.closest?.("[data-drop]");
    mark(null);
    tell(pictures(event.dataTransfer), aim);
  });
}

/** What may have woken the window: `callback(reason)`. */
export function listenWakes(callback) {
  addEventListener("online", () => callback("online"));
  addEventListener("pageshow", (event) => { if (event.persisted) callback("pageshow"); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) callback("visible"); });
  document.addEventListener("resume", () => callback("resume"));
}

/** The tab is shown or hidden, the device goes on- or offline: `callback()`. */
export function listenTab(callback) {
  document.addEventListener("visibilitychange", () => callback());
  addEventListener("online", () => callback());
  addEventListener("offline", () => callback());
}

const ask = (event) => event.preventDefault();

/** Have the browser ask before the page is left. Only while needed: a listener can keep a page out of the back/forward cache. */
export function guardLeaving(isOn) {
  if (isOn) addEventListener("beforeunload", ask);
  else removeEventListener("beforeunload", ask);
}

/** `[width, height]` of a picture, decoded by the browser; `[0, 0]` if it is none. */
export async function measure(blob) {
  try {
    const bitmap = await createImageBitmap(blob);
    const size = [bitmap.width, bitmap.height];
    bitmap.close();
    return size;
  } catch {
    return [0, 0];
  }
}

const cached = new Map();

function formatter(kind, language, options) {
  const key = `${kind}|${language}|${JSON.stringify(options)}`;
  if (!cached.has(key)) cached.set(key, new Intl[kind](language, options));
  return cached.get(key);
}

export function formatNumber(language, value, digits) {
  return formatter("NumberFormat", language, { maximumFractionDigits: digits }).format(value);
}

export function formatPercent(language, fraction) {
  return formatter("NumberFormat", language, { style: "percent", maximumFractionDigits: 0 }).format(fraction);
}

/** Seconds since the epoch as a time of day, to the second if asked, with the date unless it is today. */
export function formatClock(language, seconds, isExact = false) {
  const at = new Date(seconds * 1000);
  const isToday = at.toDateString() === new Date().toDateString();
  const time = { timeStyle: isExact ? "medium" : "short" };
  return formatter("DateTimeFormat", language, isToday ? time : { dateStyle: "medium", ...time }).format(at);
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];

export function formatSize(language, count) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(count, 1)) / 3));
  const options = { style: "unit", unit: UNITS[power], unitDisplay: "short", maximumFractionDigits: power > 1 ? 1 : 0 };
  return formatter("NumberFormat", language, options).format(count / 1000 ** power);
}
