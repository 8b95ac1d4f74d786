// The window before Python is up: as it was when it was left, and open for typing and files.
//
// Leaving, a page puts what it shows into this tab's storage; the next page removes it immediately, so that a duplicated tab
// never finds it, and shows it until Python draws the same regions. What is shown so is a picture of the past: of it only
// the form can be used, and Run. A window that was not left before has its first screen (`app/prerender`), and all of that
// can be used. What was typed, chosen, dropped or pressed is passed to Python once it listens.
// Nothing here claims the window's id, and nothing of a private window is put anywhere.

import { getKept, openKept } from "./kept.js";
import { owned } from "./owned.js";

const KEY = owned("mooring.last");
const REGIONS = ["header", "tabs", "form", "standing", "nodes", "run", "now", "waiting", "sheets", "left", "results"];
const EVENTS = owned("mooring.early");
const FRESH = 60_000; // milliseconds for which a press of Run counts
const OPEN = new Set(["form", "nodes", "run"]); // what can be used in a picture of the past
const MOST = 1_500_000; // characters; a tab may store some five million
const NO_PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

const byId = (id) => document.getElementById(id);
const PATIENCE = 10_000; // milliseconds that a field may take to reappear
const pictures = new Map(); // thumbnails shown already: name → address
const events = []; // what the user did, in order: a field's content, files, a press of Run, or another action
let isUp = false;

// Leaving

function remember() {
  const { private: isPrivate, leaving } = document.documentElement.dataset; // leaving: the user has logged out
  if (isPrivate || leaving || !(isUp || document.body.classList.contains("has-last"))) return; // a first screen comes with the document
  const regions = Object.fromEntries(REGIONS.map((id) => [id, htmlOf(byId(id))]));
  const text = JSON.stringify({ regions, title: document.title });
  try {
    if (text.length < MOST) sessionStorage.setItem(KEY, text);
  } catch {
    // without room or storage the next page begins with its skeleton
  }
}

/** A region's markup with the texts of its fields, and with names in place of addresses that end with this page. */
function htmlOf(region) {
  const copy = document.implementation.createHTMLDocument().importNode(region, true); // where no picture is loaded
  const [fields, now] = [copy, region].map((item) => [...item.querySelectorAll("input, textarea, option")]);
  fields.forEach((field, at) => {
    if (field instanceof HTMLTextAreaElement) field.textContent = now[at].value;
    else if (field instanceof HTMLOptionElement) field.toggleAttribute("selected", now[at].selected);
    else if (field.type === "checkbox" || field.type === "radio") field.toggleAttribute("checked", now[at].checked);
    else if (field.type !== "file") field.setAttribute("value", now[at].value);
  });
  const pictures = [...region.querySelectorAll("img, video, audio")];
  [...copy.querySelectorAll("img, video, audio")].forEach((picture, at) => {
    if (!picture.src.startsWith("blob:")) return;
    const { clientWidth, clientHeight } = pictures[at];
    picture.removeAttribute("src");
    if (!(picture instanceof HTMLImageElement)) return;
    picture.dataset.thumbnail = nameOf(pictures[at]);
    picture.src = NO_PICTURE;
    if (clientWidth) [picture.width, picture.height] = [clientWidth, clientHeight];
  });
  for (const link of copy.querySelectorAll("[href^='blob:']")) link.removeAttribute("href");
  for (const item of copy.querySelectorAll("[style]")) { // the page's own policy forbids them in markup
    if (item.getAttribute("style")) item.dataset.style = item.getAttribute("style");
    item.removeAttribute("style");
  }
  return copy.innerHTML;
}

/** What a picture's bytes are called in the store, or nothing. */
function nameOf(picture) {
  const cell = picture.closest(".cell");
  if (cell) return cell.id.replace(/^cell-/, "");
  const [task, index] = [picture.closest("[data-prompt-id]"), picture.closest("[data-index]")];
  return task && index ? `${task.dataset.promptId}/${index.dataset.index}` : "";
}

// Coming back

function takeText(key) {
  try {
    const text = sessionStorage.getItem(key);
    sessionStorage.removeItem(key);
    return JSON.parse(text ?? "null");
  } catch {
    return null; // storage is blocked, or holds something else
  }
}

function show({ regions, title }) {
  document.body.classList.remove("is-drawn");
  for (const region of document.querySelectorAll("[data-drawn]")) delete region.dataset.drawn;
  for (const id of REGIONS) {
    const region = byId(id);
    region.innerHTML = String(regions[id] ?? "");
    region.inert = !OPEN.has(id);
  }
  for (const item of document.querySelectorAll("[data-style]")) {
    item.style.cssText = item.dataset.style;
    delete item.dataset.style;
  }
  document.title = String(title);
  document.body.classList.add("has-last");
  showPictures([...document.querySelectorAll("img[data-thumbnail]")].filter((image) => image.dataset.thumbnail));
}

async function showPictures(images) {
  if (!images.length) return;
  const database = await openKept().catch(() => null);
  if (!database) return;
  const shown = images.map(async (image) => {
    const row = await getKept(database, "thumbnails", image.dataset.thumbnail).catch(() => null);
    if (!row || isUp || !image.isConnected) return;
    const name = image.dataset.thumbnail;
    if (!pictures.has(name)) pictures.set(name, URL.createObjectURL(row.blob));
    image.src = pictures.get(name);
  });
  await Promise.all(shown);
  database.close();
}

/** The regions that the gateway has drawn (`app/prerender`) and that are still shown, as JSON `{id: digest of its markup}`. */
export function drawn() {
  return JSON.stringify(Object.fromEntries([...document.querySelectorAll("[data-drawn]")].map(({ id, dataset }) => [id, dataset.drawn])));
}

/** The thumbnails that are shown already, as JSON `{name: address}`; the caller owns them from then on. */
export function earlyPictures() {
  const text = JSON.stringify(Object.fromEntries(pictures));
  pictures.clear();
  return text;
}

/** Python has drawn the page and listens: pass on what the user did before, in its order. */
export function takeOver() {
  isUp = true;
  for (const id of REGIONS) byId(id).inert = false;
  document.body.classList.remove("has-last", "is-drawn");
  for (const element of document.querySelectorAll(".is-awaited")) element.classList.remove("is-awaited");
  passOn();
}

async function passOn() {
  for (let event = events.shift(); event; event = events.shift()) {
    if (event.field !== undefined) repeat(event);
    else if (event.give) event.give();
    else if (event.press) await passPress(event);
    else act(event.name, event.facts);
  }
  keep();
  showPresses();
}

const act = (name, facts) => document.dispatchEvent(new CustomEvent("mooring-action", { detail: { name, facts } }));

function setValue(field, value) {
  const caret = field === document.activeElement && field.type !== "number" ? field.selectionStart : null;
  field.value = value;
  if (caret !== null && caret !== undefined) field.setSelectionRange?.(caret, caret);
}

/** Type or choose it for the user: in the present field, or once it appears. */
function repeat({ field, id, kind, value, checked }) {
  const replay = (live) => {
    if (live.value !== value) setValue(live, value);
    if (live.type === "checkbox" || live.type === "radio") live.checked = checked;
    live.dispatchEvent(new Event(kind, { bubbles: true }));
  };
  if (field?.isConnected) return replay(field);
  const found = () => id && byId(id);
  if (found()) return replay(found());
  const watching = new MutationObserver(() => {
    if (!found()) return;
    watching.disconnect();
    replay(found());
  });
  watching.observe(byId("main"), { childList: true, subtree: true });
  setTimeout(() => watching.disconnect(), PATIENCE);
}

// Run, pressed until Python listens: what it runs is in the events before it, and it has the prompt_id of its run, so that no
// page can run it twice. It is kept for a reload until its run is recorded; one that cannot be carried out is offered again.

const presses = () => events.filter((event) => event.press);
const passed = new Map(); // presses that Python carries out, by their prompt_id

function press() {
  events.push({ press: uuid(), at: Date.now(), build: import.meta.url, hasFiles: events.some((event) => event.give) });
  keep();
  showPresses();
}

/** A UUID4; `crypto.randomUUID` exists in secure contexts only. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function showPresses() {
  byId("starting").hidden = presses().length === 0 || isUp;
}

async function passPress(event) {
  const isFresh = Date.now() - event.at < FRESH && event.build === import.meta.url && !event.isTaken && !(event.isRestored && event.hasFiles);
  passed.set(event.press, event);
  const isFixed = new Promise((resolve) => { event.resolve = resolve; });
  act(isFresh ? "run" : "offer-press", { press: event.press, restored: Boolean(event.isRestored) });
  await isFixed;
}

/** Python has fixed what this press runs, and records it now. */
export function takePress(id) {
  passed.get(id).isTaken = true;
  keep();
  passed.get(id).resolve();
}

/** Its run is recorded, or is none: nothing is left to do. */
export function endPress(id) {
  passed.get(id).resolve();
  passed.delete(id);
  keep();
}

// What was typed and pressed, for a reload before Python is up

function keep() {
  if (document.documentElement.dataset.private) return;
  const kept = [...passed.values(), ...events].filter((event) => event.id || event.press)
    .map(({ id, kind, value, checked, press: name, at, build, hasFiles, isTaken }) => ({ id, kind, value, checked, press: name, at, build, hasFiles, isTaken }));
  try {
    if (kept.length) sessionStorage.setItem(EVENTS, JSON.stringify(kept));
    else sessionStorage.removeItem(EVENTS);
  } catch {
    // without room or storage a reload starts without them
  }
}

/** What was done in this tab before a reload, put into the fields that are there. */
function restore() {
  const kept = takeText(EVENTS);
  for (const event of Array.isArray(kept) ? kept : []) {
    const field = event.id ? byId(event.id) : undefined;
    if (field) [field.value, field.checked] = [event.value, event.checked];
    events.push({ ...event, isRestored: true, ...event.id ? { field: field ?? null } : {} });
  }
  keep();
  showPresses();
}

// The user, until Python listens

const hasFiles = (event) => event.dataTransfer?.types?.includes("Files");

function noteField(event) {
  const field = event.target;
  if (isUp) return;
  if (event.type === "change" && field.matches("[data-files]")) return noteChoice(field, [...field.files]);
  note(field, event.type, field);
}

function note(field, kind, { value, checked }) {
  if (field.dataset?.[kind] === undefined) return;
  if (events.at(-1)?.field === field && events.at(-1).kind === kind) events.pop();
  events.push({ field, id: field.id, kind, value, checked });
  keep();
}

/** What the user has done before this script ran. */
function noteFirst() {
  for (const { type, event, target, value, checked, files } of globalThis.mooringFirst()) {
    if (!target.isConnected) continue; // a window as it was left is shown instead
    if (type === "click") noteClick(event);
    else if (type === "keydown") noteKey(event);
    else if (type === "drop") noteFiles(files, target);
    else if (target.matches("[data-files]")) noteChoice(target, files);
    else {
      if (target.dataset[type] !== undefined && target.value !== value) target.value = value; // it was typed after a reload
      note(target, type, { value, checked });
    }
  }
}

function noteClick(event) {
  const element = event.target.closest?.("[data-action], [data-shell=cancel-run]");
  if (isUp || !event.isTrusted || !element || element.disabled) return;
  if (element.dataset.shell) {
    for (const item of presses()) events.splice(events.indexOf(item), 1);
    keep();
    showPresses();
  } else if (element.dataset.action === "run") press();
  else if (document.body.classList.contains("is-drawn")) {
    element.classList.add("is-awaited");
    events.push({ name: element.dataset.action, facts: { ...element.dataset, value: element.value ?? "", checked: false } });
  }
}

function noteKey(event) {
  const isRun = event.key === "Enter" && !event.repeat && (event.ctrlKey || event.metaKey) && !event.isComposing;
  if (isUp || !isRun || !event.isTrusted || !document.querySelector("#run [data-action=run]:enabled")) return;
  event.preventDefault();
  press();
}

function noteChoice(field, files) {
  if (files.length) events.push({ give: () => give(files, "change", field) });
}

function noteDrop(event) {
  if (isUp || !hasFiles(event)) return;
  event.preventDefault(); // else the browser would leave the page for the file
  if (event.type !== "drop") return;
  noteFiles([...event.dataTransfer.files], event.target);
}

function noteFiles(files, target) {
  const aim = target.closest?.("[data-drop]");
  events.push({ give: () => give(files, "drop", aim) });
}

/** Pass the files on, as if they had been dropped just now: to the field they were meant for, if it exists. */
function give(files, type, aim) {
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  const target = aim?.isConnected ? aim : (aim?.id && byId(aim.id)) || document.body;
  if (type === "drop" || target === document.body) {
    target.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
    return;
  }
  target.files = transfer.files;
  target.dispatchEvent(new Event("change", { bubbles: true }));
}

for (const type of ["input", "change"]) document.addEventListener(type, noteField);
document.addEventListener("click", noteClick);
document.addEventListener("keydown", noteKey);
for (const type of ["dragover", "drop"]) document.addEventListener(type, noteDrop);
addEventListener("pagehide", remember);
addEventListener("pageshow", (event) => { if (event.persisted) takeText(KEY); });

const last = takeText(KEY);
if (last?.regions) show(last);
document.documentElement.classList.remove("is-returning");
restore();
noteFirst();
