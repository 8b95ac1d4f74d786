// A window as it was left. Leaving, a page puts what it shows into this tab's storage; the next page removes it immediately, so
// that a duplicated tab never finds it, and shows it until Python draws the same regions. What is shown so is a picture of the
// past: of it only the form can be used, and Run.
// Nothing here claims the window's id, and nothing of a private window is put anywhere.

import { getKept, openKept } from "./kept.js";
import { owned } from "./owned.js";

const KEY = owned("mooring.last");
const REGIONS = ["header", "tabs", "form", "standing", "nodes", "run", "now", "waiting", "sheets", "left", "results"];
const OPEN = new Set(["form", "nodes", "run"]); // what can be used in a picture of the past
const MOST = 1_500_000; // characters; a tab may store some five million
const NO_PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

const byId = (id) => document.getElementById(id);
const pictures = new Map(); // thumbnails shown already: name → address
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

/** What is in this tab's storage under that name, as JSON; it is taken from there. */
export function takeText(key) {
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

/** Python has drawn the page: what is shown is the present. */
export function letLeftGo() {
  isUp = true;
  for (const id of REGIONS) byId(id).inert = false;
  document.body.classList.remove("has-last", "is-drawn");
}

/** Show the window as it was left in this tab, if it was. */
export function showLeft() {
  const last = takeText(KEY);
  if (last?.regions) show(last);
  document.documentElement.classList.remove("is-returning");
}

addEventListener("pagehide", remember);
addEventListener("pageshow", (event) => { if (event.persisted) takeText(KEY); });
