// The window before Python is up: as it was when it was left, and open for typing and files.
//
// Leaving, a page puts what it shows into this tab's storage; the next page removes it immediately, so that a duplicated tab
// never finds it, and shows it until Python draws the same regions. What is shown so is a picture of the past: nothing in it
// can be pressed. The form's fields can be used; what was typed, chosen or dropped is passed to Python once it listens.
// Nothing here claims the window's id, and nothing of a private window is put anywhere.

import { getKept, openKept } from "./kept.js";
import { owned } from "./owned.js";

const KEY = owned("mooring.last");
const REGIONS = ["header", "tabs", "form", "standing", "nodes", "run", "now", "waiting", "sheets", "left", "results"];
const OPEN = new Set(["form", "nodes"]); // where the user can type until Python listens
const MOST = 1_500_000; // characters; a tab may store some five million
const NO_PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

const byId = (id) => document.getElementById(id);
const PATIENCE = 10_000; // milliseconds that a field may take to reappear
const pictures = new Map(); // thumbnails shown already: name → address
const touched = new Map(); // field → its content when the user left it: {kind, value, checked}
const given = []; // files, as calls that pass them on
let isUp = false;

// Leaving

function remember() {
  const { private: isPrivate, leaving } = document.documentElement.dataset; // leaving: the user has logged out
  if (isPrivate || leaving) return;
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

function take() {
  try {
    const text = sessionStorage.getItem(KEY);
    sessionStorage.removeItem(KEY);
    return JSON.parse(text ?? "null");
  } catch {
    return null; // storage is blocked, or holds something else
  }
}

function show({ regions, title }) {
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

/** The thumbnails that are shown already, as JSON `{name: address}`; the caller owns them from then on. */
export function earlyPictures() {
  const text = JSON.stringify(Object.fromEntries(pictures));
  pictures.clear();
  return text;
}

/** Python has drawn the page and listens: pass on what the user did before. */
export function takeOver() {
  isUp = true;
  for (const id of REGIONS) byId(id).inert = false;
  document.body.classList.remove("has-last");
  for (const [field, had] of touched) repeat(field, had);
  touched.clear();
  for (const give of given.splice(0)) give();
}

/** Type or choose it for the user: in the present field, or once it appears. */
function repeat(field, { kind, value, checked }) {
  const replay = (live) => {
    if (live !== field || live instanceof HTMLSelectElement) live.value = value;
    if (live.type === "checkbox" || live.type === "radio") live.checked = checked;
    live.dispatchEvent(new Event(kind, { bubbles: true }));
  };
  if (field.isConnected) return replay(field);
  const found = () => field.id && byId(field.id);
  if (found()) return replay(found());
  const watching = new MutationObserver(() => {
    if (!found()) return;
    watching.disconnect();
    replay(found());
  });
  watching.observe(byId("main"), { childList: true, subtree: true });
  setTimeout(() => watching.disconnect(), PATIENCE);
}

// The user, until Python listens

const hasFiles = (event) => event.dataTransfer?.types?.includes("Files");

function noteField(event) {
  const field = event.target;
  if (isUp) return;
  if (event.type === "change" && field.matches("[data-files]")) return noteChoice(field);
  const { value, checked } = field;
  if (field.dataset[event.type] !== undefined) touched.set(field, { kind: event.type, value, checked });
}

function noteChoice(field) {
  const files = [...field.files];
  if (files.length) given.push(() => give(files, "change", field));
}

function noteDrop(event) {
  if (isUp || !hasFiles(event)) return;
  event.preventDefault(); // else the browser would leave the page for the file
  if (event.type !== "drop") return;
  const [files, aim] = [[...event.dataTransfer.files], event.target.closest?.("[data-drop]")];
  given.push(() => give(files, "drop", aim));
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
for (const type of ["dragover", "drop"]) document.addEventListener(type, noteDrop);
addEventListener("pagehide", remember);
addEventListener("pageshow", (event) => { if (event.persisted) take(); });

const last = take();
if (last?.regions) show(last);
