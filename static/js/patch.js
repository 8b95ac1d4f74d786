// The page's one contact with the DOM: patches regions, passes events on, and makes changes that take many DOM calls.
// Python calls `update` once per change, and gets one callback per kind of event.

import { Idiomorph } from "../vendor/idiomorph/idiomorph.esm.js";
import { noteDrawn } from "./aim.js";
import { animate, isPlaying } from "./animation.js";
import { settleBack } from "./back.js";
import { inNextTask, noteCost, rest, untilStill } from "./calm.js";
import { beginCamera } from "./camera.js";
import "./copy.js";
import { settlePictures } from "./compare.js";
import { setTitle } from "./countdown.js";
import { takes } from "./drag.js";
import { mark, place } from "./graph.js";
import { settle as settleGrid, show } from "./grid.js";
import { listenKeys, setKeys, settle as settlePalette } from "./keys.js";
import { settleLarge } from "./large.js";
import { say, settleLive } from "./live.js";
import { owned } from "./owned.js";
import { beginMask, takeMaskFile } from "./mask.js";
import { samplePhoto } from "./samples.js";
import { settleTabs, showPartOf } from "./tabs.js";
import { listenQueue, settleQueue } from "./queue.js";
import { give } from "./saving.js";
import { settlePreviews } from "./previews.js";
import { entriesOf, MOST_FILES, readEntries } from "./folders.js";

export { allowFolder, chooseFolder, forgetFolder, lookFolder, saveToFolder } from "./folder.js";
export { giveTags } from "./complete.js";
export { formatClock, formatNumber, formatPercent, formatSize } from "./format.js";
export { hold, letGo } from "./kept.js";
export { saveResults } from "./saving.js";
export { look, measure, objectUrl, revokeUrl } from "./picture.js";
export { forgetPreview, showPreview } from "./previews.js";

const FIELDS = "input, textarea, select";
const TEXTS = "textarea, input[type=text], input[type=search], input[type=number], [contenteditable]";
const COMBO = new Set(["aria-expanded", "aria-activedescendant", "aria-controls"]);
let isComposing = false;
const SETS = new Set(["many", "again"]); // purposes of buttons that choose several files
let tellFiles = () => {}; // `listenFiles` has the callback
const spared = new Set(); // fields that this patch may not touch
const OPEN_MENU = ".menu:popover-open:not(:has(input[type=search]))"; // a search redraws its own list
const fresher = new Map(); // open menu → its HTML as of the last patch

const STANDING = { errors: "#main", speech: "body" }; // ids that are moved into an open dialog -> where they stand without one

const LETS_GO = 1000; // milliseconds until a closing page has released its lock

const byId = (id) => document.getElementById(id);

function isField(node) {
  return node instanceof Element && node.matches(FIELDS);
}

/** The user owns a field while it has the focus, while text is being composed, and what was typed since it was drawn. */
function isOwned(field, fresh) {
  if (fresh.dataset.follows !== undefined) return field.value === "" && field === document.activeElement; // each key was sent
  if (field === document.activeElement || isComposing) return true;
  if (field.type === "checkbox" || field.type === "radio") return false;
  if (field instanceof HTMLTextAreaElement) return fresh.defaultValue === field.defaultValue;
  if (field instanceof HTMLSelectElement) return false;
  return fresh.getAttribute("value") === field.getAttribute("value");
}

const callbacks = {
  beforeNodeMorphed(node, fresh) {
    if (fresh.dataset?.stays !== undefined) return false; // it is as it was drawn
    if (node.dataset?.kept !== undefined && node.dataset.kept === fresh.dataset?.kept) return false; // graph.js, large.js or previews.js has it
    if (node instanceof Element && node.matches(OPEN_MENU)) { // its entries stay where the user is about to press
      fresher.set(node, fresh.outerHTML);
      return false;
    }
    if (isField(node) && isOwned(node, fresh)) spared.add(node);
    return true;
  },
  beforeAttributeUpdated(name, element) {
    if (name === "src" && isPlaying(element)) return false; // animation.js has it
    if (name === "open") return false; // details and dialogs are opened and closed by the user, or by showDialogs
    if (name === "style" && element.matches(".pop:popover-open")) return false; // menu.js has put it at its button
    if (COMBO.has(name) && element.getAttribute("role") === "combobox") return false; // combo.js and keys.js own their lists
    if (element.dataset.complete !== undefined && (COMBO.has(name) || name === "role" || name === "aria-haspopup")) return false; // complete.js
    if (name === "value" || name === "checked" || name === "selected") return !spared.has(element.closest(FIELDS) ?? element);
    return true;
  },
  beforeNodeRemoved(node) {
    if (node.id in STANDING) return false; // a move would close the messages, and silence what was just said
    for (const [id, home] of Object.entries(STANDING)) if (node.contains(byId(id))) document.querySelector(home).append(byId(id));
    if (node instanceof HTMLDialogElement && node.open) node.close(); // gives the focus back to where it was
    return true;
  },
};

function draw(regions) {
  for (const [id, html] of Object.entries(regions)) {
    spared.clear();
    Idiomorph.morph(byId(id), html, { morphStyle: "innerHTML", callbacks });
  }
  settlePreviews();
}

function setIcon(address) {
  const icon = byId("favicon");
  if (address !== undefined && !icon.href.endsWith(address)) icon.href = address;
}

/** One update of the page: `{"regions": {id: html}, "kept": {id: html}, "graph": …, "title": …, "ends": …, "icon": …, "lang": …,
 *  "live": [texts], "root": {name: mark}, "keys": […], "reveal": id, "jump": id, "press": id}` as JSON. What is kept is put in after
 *  its region was patched, and patches ignore it from then on. Elements with `data-stays` stand for existing ones
 *  with their id: false if one is missing, and the whole has to be sent. `{"moved": {id: html}, "title": …, "ends": …, "icon": …}` is the
 *  progress of running work, and `{"further": …}` has more cells of the album: nothing else is affected by them. */
export function update(text) {
  const change = JSON.parse(text);
  if (change.further !== undefined) {
    show(change.further);
    return true;
  }
  if (change.moved !== undefined) {
    draw(change.moved);
    setTitle(change.title, change.ends);
    setIcon(change.icon);
    if (change.found) showFound();
    animate();
    return true;
  }
  const focused = document.activeElement;
  const region = focused?.closest?.("section")?.id;
  draw(change.regions ?? {});
  for (const { node, name, text: typed } of change.texts ?? []) setText(node, name, typed);
  setTitle(change.title, change.ends);
  if (change.lang !== undefined) document.documentElement.lang = change.lang;
  for (const [name, value] of Object.entries(change.root ?? {})) setMark(name, value);
  if (change.keys !== undefined) setKeys(change.keys);
  setIcon(change.icon);
  if (change.reveal !== undefined && matchMedia("(width < 56.25em)").matches) reveal(byId(change.reveal));
  if (change.found) showFound();
  if (change.kept !== undefined) place(change.kept);
  animate();
  settleGrid();
  if (change.grid !== undefined) show(change.grid);
  showDialogs();
  settleBack();
  settleLarge(tellFiles);
  settlePictures();
  showErrors();
  holdDeletions();
  settlePalette();
  settleTabs();
  beginMask(tellFiles);
  beginCamera(tellFiles);
  beginScripting();
  settleLive();
  for (const words of change.live ?? []) say(words);
  if (change.graph !== undefined) mark(change.graph);
  if (focused?.id && document.activeElement === document.body) byId(focused.id)?.focus({ preventScroll: true }); // it moved
  if (focused?.isConnected === false) keepFocus(focused, region);
  else if (focused?.matches?.(":disabled")) handOn(focused);
  settleQueue();
  noteDrawn();
  if (change.press !== undefined) byId(change.press)?.click();
  if (change.jump !== undefined) jump(byId(change.jump));
  return document.querySelector("#main [data-stays]") === null;
}

document.addEventListener("toggle", ({ target: menu, newState }) => {
  if (newState !== "closed" || !fresher.has(menu)) return;
  if (menu.isConnected) Idiomorph.morph(menu, fresher.get(menu), { morphStyle: "outerHTML", callbacks });
  fresher.delete(menu);
}, true);

/** What styles and scripts go by: the theme, the language that the user has chosen, that previews are off. */
function setMark(name, value) {
  if (name === "language") globalThis.mooringLanguage(value);
  if (value) document.documentElement.dataset[name] = value;
  else delete document.documentElement.dataset[name];
}

/** Put a value into a field that the user owns, on the user's request: undo, redo. */
function setText(node, name, text) {
  for (const field of document.querySelectorAll("[data-node][data-name]")) {
    if (field.dataset.node !== node || field.dataset.name !== name || !isField(field) || field.type === "file") continue;
    if (field.dataset.change === "seed-mode" || field.dataset.change === "rename") continue;
    if (field.type === "checkbox") field.checked = text === "true";
    else field.value = text;
  }
}

/** What had the focus is gone with this patch: an open dialog's first wish has it now, or the task's card or row, or the album's
 *  cell, or else the work, never the top of the page. */
function keepFocus(gone, region) {
  if (document.activeElement !== document.body) return;
  const dialog = document.querySelector("dialog[open]");
  if (dialog) return (dialog.querySelector("[autofocus]") ?? dialog).focus();
  const promptId = gone.closest("[data-prompt-id]")?.dataset.promptId;
  const [card] = ["row", "task", "waiting", "run"].map((kind) => byId(`${kind}-${promptId}`)).filter(Boolean);
  const isOfResults = region === "results" || gone.closest(".viewer, .compare");
  const cell = isOfResults ? document.querySelector(".cell[tabindex='0']") : null;
  (boxOf(card) ?? cell ?? byId("main")).focus({ preventScroll: true });
}

/** An element that can be scrolled to and focused: a run in the gallery has no box but its first result's button. */
function boxOf(element) {
  return element && getComputedStyle(element).display === "contents" ? element.querySelector("button, audio, a") : element;
}

const ABLE = "button:enabled, input:enabled, select:enabled, textarea:enabled, a[href]";

/** What has the focus does nothing any more, and the browser would take it away: its neighbour has it now, or else the work. */
function handOn(idle) {
  const near = [idle.nextElementSibling, idle.previousElementSibling, ...idle.parentElement.children];
  const heir = near.find((item) => item?.matches(ABLE)) ?? idle.closest("dialog") ?? byId("main");
  heir.focus({ preventScroll: true });
}

/** This is the window that was asked for: the bar says so for a moment, whatever the browser makes of the wish for focus. */
function showFound() {
  const bar = byId("header");
  bar.classList.remove("is-found");
  requestAnimationFrame(() => bar.classList.add("is-found"));
  bar.addEventListener("animationend", () => bar.classList.remove("is-found"), { once: true });
  window.focus();
}

/** In one column, what a click has begun is below the form: go there. */
function reveal(element) {
  showPartOf(element);
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  element.scrollIntoView({ behavior, block: "start" });
}

/** Scroll to an element, and give it the focus. */
function jump(element) {
  const box = boxOf(element);
  if (!box) return;
  reveal(box);
  if (!box.matches("a, button, input, select, textarea, [tabindex]")) box.tabIndex = -1;
  box.focus({ preventScroll: true });
}

function showDialogs() {
  for (const dialog of document.querySelectorAll("dialog[data-modal]")) if (!dialog.open) dialog.showModal();
}

/** The scripting console is loaded when it is first opened. */
async function beginScripting() {
  const body = document.querySelector("[data-scripting]");
  if (body) (await import("./scripting.js")).attach(body);
}

/** Errors stand above everything. What is outside of an open dialog is inert, so they are in it as long as it is open. */
function showErrors() {
  const errors = byId("errors");
  const home = document.querySelector("dialog[open]") ?? byId("main");
  if (errors.parentElement !== home) home.append(errors); // which closes it
  const hasErrors = errors.childElementCount > 0;
  if (errors.matches(":popover-open") !== hasErrors) errors.togglePopover(hasErrors);
}

let isPointed = false; // a mouse or pen is over the messages
let isHeld = false; // the countdown of deletions is paused
let tellHold = () => {}; // `listen` has the callback

/** Pause the countdown of deletions while the pointer is on the messages or the focus is in them. */
function holdDeletions() {
  const errors = byId("errors");
  const found = errors.querySelector("[data-undo]");
  if (!found) isPointed = false; // nothing is left that the pointer could leave
  const isWanted = Boolean(found) && (isPointed || errors.contains(document.activeElement));
  if (isWanted === isHeld) return;
  isHeld = isWanted;
  tellHold(isHeld ? "hold-deletions" : "release-deletions", "{}");
}

function listenHold(callback) {
  tellHold = callback;
  const errors = byId("errors");
  const point = (event) => {
    isPointed = event.type === "pointerenter" && event.pointerType !== "touch";
    holdDeletions();
  };
  errors.addEventListener("pointerenter", point);
  errors.addEventListener("pointerleave", point);
  errors.addEventListener("focusin", holdDeletions);
  errors.addEventListener("focusout", () => queueMicrotask(holdDeletions));
}

const CALM_AT_MOST = 500; // milliseconds, while the user types or scrolls

/** Call back once, before the next frame; calmly, or in a hidden tab, in a task of its own: Python's share of a drawing and the browser's
 *  are two short tasks then, and keys are handled in between. */
export function schedule(callback, isCalm, latest = performance.now() + CALM_AT_MOST) {
  if (document.hidden) return inNextTask(callback);
  let isDone = false;
  const once = () => {
    if (isDone) return;
    isDone = true;
    const begin = performance.now();
    if (isCalm && untilStill() > 0 && begin < latest) return schedule(callback, isCalm, latest);
    callback();
    noteCost("page", performance.now() - begin);
  };
  if (isCalm) return queueMicrotask(() => setTimeout(once, Math.max(rest(), untilStill()))); // after the drawing that asks for the next one
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

const typed = new Map(); // field → passes its text on, once the frame that shows it is painted

function passTyped() {
  for (const [field, pass] of typed) {
    typed.delete(field);
    pass();
  }
}

/** Typing in `data-input`. A field shows its text itself, so Python reads it after that, or before anything else that it reads. A field
 *  that follows Python (`data-follows`) is read immediately. */
function listenTyping(callback) {
  document.addEventListener("input", (event) => {
    const field = event.target.closest?.("[data-input]");
    if (!field || field.disabled) return;
    if (!typed.size) requestAnimationFrame(() => inNextTask(passTyped));
    typed.set(field, () => callback(field.dataset.input, facts(field, event)));
    if (document.hidden || field.dataset.follows !== undefined) passTyped();
  });
  for (const type of ["focusout", "visibilitychange", "pagehide", "hashchange"]) addEventListener(type, passTyped, true);
}

/** Clicks on `data-action`, Enter in a `data-enter` field, changes of `data-change`, typing in `data-input`: `callback(name, facts as JSON)`. */
export function listen(callback) {
  const onAction = (name, facts) => {
    passTyped();
    callback(name, facts);
  };
  onEvent("click", "action", onAction);
  onEvent("change", "change", onAction);
  listenTyping(callback);
  listenTexts(onAction);
  document.addEventListener("compositionstart", () => { isComposing = true; });
  document.addEventListener("compositionend", () => { isComposing = false; });
  document.addEventListener("keydown", (event) => {
    const field = event.key === "Enter" && !event.isComposing && event.target.closest?.("[data-enter]");
    if (!field) return;
    event.preventDefault();
    onAction(field.dataset.enter, facts(field, event)); // whether it is possible is known there, before it is drawn
  });
  document.addEventListener("keydown", (event) => {
    const isRun = event.key === "Enter" && !event.repeat && (event.ctrlKey || event.metaKey) && !event.isComposing && !document.querySelector("dialog[open]");
    if (!isRun) return;
    event.preventDefault();
    const button = byId("run-button");
    onAction("run", button ? facts(button, event) : "{}"); // it may name a server
  });
  selectNumbers();
  listenKeys(onAction);
  listenHold(onAction);
  listenQueue(onAction);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#task-']"); // to another run of the same work
    if (!link) return;
    event.preventDefault();
    const go = () => jump(byId(link.hash.slice(1)));
    const dialog = link.closest("dialog");
    if (!dialog) return go();
    dialog.addEventListener("close", go, { once: true });
    onAction("close-dialog", "{}");
  });
  document.addEventListener("mooring-action", (event) => onAction(event.detail.name, JSON.stringify(event.detail.facts)));
  const leave = () => {
    const field = document.activeElement;
    if (isField(field)) {
      field.blur(); // some are read when they are left
      field.focus({ preventScroll: true });
    }
    onAction("leave-dialog", "{}");
  };
  document.addEventListener("cancel", (event) => {
    if (!(event.target instanceof HTMLDialogElement)) return;
    event.preventDefault();
    leave();
  }, true);
  document.addEventListener("click", (event) => {
    if (event.target instanceof HTMLDialogElement) leave(); // the backdrop
  });
}

/** A press into a field with `data-selects` selects its text, so that what is typed replaces it. */
function selectNumbers() {
  let fresh = null; // the field that this press gives the focus
  document.addEventListener("pointerdown", ({ target }) => {
    const field = target.closest?.("label")?.control ?? target;
    fresh = field.dataset?.selects !== undefined && field !== document.activeElement ? field : null;
  });
  document.addEventListener("click", () => {
    if (fresh === document.activeElement) fresh.select();
    fresh = null;
  });
}

const filesOf = (transfer) => [...(transfer?.files ?? [])];
const factsOf = ({ file, path }) => [path, file.size, file.lastModified, file.type];
const hasFiles = (event) => event.dataTransfer?.types?.includes("Files");

/** Files that are dropped, pasted or chosen: `callback(node, input, files, purpose)`; node is empty when no field was aimed at,
 *  and a result's id when the file is a drawing of it. Several, or a folder's: `callbackMany(node, input, facts as JSON, files, purpose)`. */
export function listenFiles(callback, callbackMany) {
  tellFiles = callback;
  const tell = (files, aim) => {
    if (!files.length || takeMaskFile(files)) return;
    const isSet = files.length > 1 || SETS.has(aim?.dataset.files);
    if (isSet) tellMany({ found: files.map((file) => ({ file, path: file.webkitRelativePath || file.name })), isCut: false }, aim);
    else callback(aim?.dataset.node ?? "", aim?.dataset.name ?? "", files, aim?.dataset.files ?? "");
  };
  const tellMany = ({ found, isCut }, aim) => {
    const taken = found.slice(0, MOST_FILES);
    if (!taken.length) return;
    const facts = { files: taken.map(factsOf), isCut: isCut || found.length > MOST_FILES };
    const files = taken.map(({ file }) => file);
    callbackMany(aim?.dataset.node ?? "", aim?.dataset.name ?? "", JSON.stringify(facts), files, aim?.dataset.files ?? "");
  };
  document.addEventListener("change", (event) => {
    if (!event.target.matches?.("[data-files]")) return;
    const files = [...event.target.files];
    event.target.value = ""; // so that the same file can be chosen twice
    tell(files, event.target);
  });
  document.addEventListener("click", async (event) => {
    const chosen = event.target.closest?.("[data-sample-photo]");
    if (chosen) tell([await samplePhoto(chosen.dataset.samplePhoto)], chosen);
  });
  document.addEventListener("paste", (event) => {
    const files = filesOf(event.clipboardData);
    const isText = event.target.matches?.(TEXTS) && event.clipboardData.types.includes("text/plain");
    if (!files.length || isText) return; // some programs put a picture of a text beside the text
    event.preventDefault();
    const field = document.activeElement?.closest?.(".field")?.querySelector("[data-drop]");
    tell(files, field && takes(field, files[0]) ? field : null);
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
    const folders = entriesOf(event.dataTransfer);
    if (folders) readEntries(folders).then((set) => tellMany(set, aim));
    else tell(filesOf(event.dataTransfer), aim);
  });
}

/** What may have woken the window: `callback(reason)`. */
export function listenWakes(callback) {
  addEventListener("online", () => callback("online"));
  addEventListener("pageshow", (event) => { if (event.persisted) callback("pageshow"); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) callback("visible"); });
  document.addEventListener("resume", () => callback("resume"));
  const others = new BroadcastChannel(owned("mooring-gone")); // another window was closed, so check its work
  addEventListener("pagehide", () => others.postMessage(""));
  others.onmessage = () => setTimeout(() => callback("gone"), LETS_GO);
}

/** Call back when the tab is shown or hidden or gets the keyboard, or the device goes online or offline. */
export function listenTab(callback) {
  addEventListener("focus", () => callback());
  document.addEventListener("visibilitychange", () => callback());
  addEventListener("online", () => callback());
  addEventListener("offline", () => callback());
}

/** Call back with the key that another window has changed for all windows; an empty key is all of them. */
export function listenKept(callback) {
  const mine = owned("");
  addEventListener("storage", (event) => {
    if (event.key === null) callback("");
    else if (event.key.endsWith(mine)) callback(event.key.slice(0, event.key.length - mine.length));
  });
}

/** Offer a text as a file to save. */
export function save(name, text) {
  give(new Blob([text], { type: "application/json" }), name);
}

const isEditable = (element) => element?.closest?.("input, textarea, select, [contenteditable]") != null;

/** A workflow pasted as text, where nothing could be typed: `callback("open-text", {text})`. */
function listenTexts(callback) {
  document.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (event.clipboardData?.files?.length || isEditable(event.target) || !text.includes("{")) return;
    event.preventDefault();
    callback("open-text", JSON.stringify({ text }));
  });
}

const ask = (event) => event.preventDefault();

/** Have the browser ask before the page is left. Only while needed: a listener can keep a page out of the back/forward cache. */
export function guardLeaving(isOn) {
  if (isOn) addEventListener("beforeunload", ask);
  else removeEventListener("beforeunload", ask);
}
