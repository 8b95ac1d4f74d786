// Text fields with thousands of choices: `<input role="combobox" data-options="id of a list">`. All of them share one
// list outside the page's regions; a choice becomes a `change` of the field.
//
// With `data-models` the choices are model files. The list then shows their pictures, and the facts of the marked one
// beside it: the actions `open-models` and `mark-model` have Python read them, which writes into `#lists` and `#marked`.

import { say, wordsOf } from "./live.js";

const MOST = 100; // shown together; further typing finds the rest
const PICTURES = 400; // kept; older ones are removed
const WIDE = 660; // pixels, with the facts beside the list
const NARROW = 520; // in less room the facts are below the list
const SVG = "http://www.w3.org/2000/svg";
const PAUSE = 120; // milliseconds: a choice is marked before its facts are read, a tile in view before its picture is loaded
const read = new WeakMap(); // a list's element -> its choices
const pictures = new Map(); // a picture's address -> its element, or null if it cannot be loaded

const make = (tag, name, text) => Object.assign(document.createElement(tag), { className: name ?? "", textContent: text ?? "" });
const pop = make("div", "combo");
const list = make("ul", "combo-list");
const side = make("div", "combo-side");
list.id = "combo-list";
list.setAttribute("role", "listbox");
list.translate = false;
pop.hidden = side.hidden = true;
pop.append(list, side);
const main = document.getElementById("main") ?? document.body; // in a landmark, as everything else
main.append(pop);

let field = null; // whose choices are shown
let query = ""; // by which they were searched
let active = -1;
let pause = 0; // the timer of `describe`
let said = ""; // the facts of the marked model that were announced

// Windows servers spell models in folders with backslashes.
const plain = (text) => text.normalize("NFKC").toLowerCase().replaceAll("\\", "/");
const isModels = () => field?.dataset.models !== undefined;

/** The choices of a field, each list read once: `{value, label, picture, size}`, and `found` and `file` to search in. */
function choices(input) {
  const holder = document.getElementById(input.dataset.options);
  if (!holder) return [];
  const text = holder.textContent;
  if (read.get(holder)?.text !== text) {
    const all = JSON.parse(text).map((item) => (Array.isArray(item) ? item : [item, item]));
    read.set(holder, { text, all: all.map(([value, label, picture, size]) => {
      const found = plain(`${label} ${value}`);
      return { value, label, picture, size, found, file: plain(parts(label).file) };
    }) });
  }
  return read.get(holder).all;
}

/** The words of models whose metadata was read, by choice. */
function words(input) {
  const holder = document.getElementById("marked-words");
  return holder?.dataset.list === input.dataset.options ? JSON.parse(holder.textContent) : {};
}

/** The choices that contain every word; those that begin with the first word, or whose file does, come first. */
function matching(input, query) {
  const wanted = plain(query).split(/\s+/).filter(Boolean);
  if (!wanted.length) return choices(input);
  const more = words(input);
  const found = choices(input).filter(({ value, found: text }) => {
    const whole = Object.hasOwn(more, value) ? `${text} ${plain(more[value])}` : text;
    return wanted.every((word) => whole.includes(word));
  });
  const begins = ({ found: text, file }) => text.startsWith(wanted[0]) || (isModels() && file.startsWith(wanted[0]));
  return [...found.filter(begins), ...found.filter((choice) => !begins(choice))];
}

/** A file's name, its ending and its folder. */
function parts(label) {
  const cut = Math.max(label.lastIndexOf("/"), label.lastIndexOf("\\"));
  const file = label.slice(cut + 1);
  const dot = file.lastIndexOf(".");
  return { file, stem: dot > 0 ? file.slice(0, dot) : file, ending: dot > 0 ? file.slice(dot) : "", folder: label.slice(0, Math.max(0, cut)) };
}

function open(input, text) {
  const isNew = field !== input;
  field = input;
  query = text;
  const found = matching(input, query);
  if (!found.length) return close();
  const parent = input.closest("dialog")?.querySelector("[data-kept=combo]") ?? main; // all outside a dialog is inert
  if (pop.parentElement !== parent) parent.append(pop);
  const chosen = found.findIndex((choice) => choice.value === input.value);
  const from = Math.max(0, Math.min(chosen - MOST / 2, found.length - MOST));
  list.replaceChildren(...found.slice(from, from + MOST).map(option));
  for (const [at, item] of [...list.children].entries()) {
    item.setAttribute("aria-posinset", from + at + 1); // of all that were found, not of those in the list
    item.setAttribute("aria-setsize", found.length);
  }
  list.setAttribute("aria-label", input.labels[0]?.textContent ?? "");
  pop.hidden = false;
  side.hidden = !isModels();
  pop.classList.toggle("is-models", isModels());
  input.setAttribute("aria-expanded", "true");
  input.setAttribute("aria-controls", list.id);
  place();
  mark(chosen < 0 ? (query ? 0 : -1) : chosen - from);
  if (isNew && isModels()) act("open-models");
}

function option(choice, place) {
  const item = make("li");
  item.id = `combo-${place}`;
  item.setAttribute("role", "option");
  item.dataset.value = choice.value;
  if (!isModels()) {
    item.textContent = choice.label;
    return item;
  }
  const text = make("span", "combo-text");
  text.append(...named(choice.label));
  const frame = tile();
  if (choice.picture) {
    frame.dataset.picture = choice.picture;
    const known = pictures.get(choice.picture);
    if (known) frame.append(known);
    else if (known === undefined) visible.observe(frame);
  }
  item.append(frame, text, " ");
  if (choice.size) item.append(make("span", "combo-size numeric", choice.size));
  item.dataset.picture = choice.picture ?? "";
  item.dataset.label = choice.label;
  return item;
}

/** The name of a model's file, and its folder as quiet text. */
function named(label) {
  const { stem, ending, folder } = parts(label);
  const name = make("span", "combo-name", stem);
  name.append(make("span", "combo-ending", ending));
  return folder ? [name, " ", make("span", "combo-folder", folder)] : [name];
}

/** A tile with an icon, which the picture will cover. */
function tile() {
  const frame = make("span", "combo-tile");
  frame.setAttribute("aria-hidden", "true");
  const icon = document.createElementNS(SVG, "svg");
  icon.setAttribute("class", "icon");
  icon.append(document.createElementNS(SVG, "use"));
  icon.firstChild.setAttribute("href", "#icon-cube");
  frame.append(icon);
  return frame;
}

const loading = new WeakMap(); // a tile -> the timer of `load`

/** Tiles that stay in view get their pictures; a user types or scrolls past many others. `loading="lazy"` would load
 *  those of the whole list. */
const visible = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    clearTimeout(loading.get(target));
    if (isIntersecting) loading.set(target, setTimeout(() => { if (target.isConnected) load(target); }, PAUSE));
  }
}, { root: list });

function load(frame) {
  visible.unobserve(frame);
  const address = frame.dataset.picture;
  if (pictures.get(address) !== undefined) return;
  const image = Object.assign(new Image(), { decoding: "async", alt: "" });
  image.addEventListener("error", () => {
    pictures.set(address, null);
    image.remove();
  });
  image.addEventListener("load", () => { if (side.dataset.picture === address) enlarge(address); });
  image.src = address;
  pictures.set(address, image);
  frame.append(image);
  if (pictures.size > PICTURES) pictures.delete(pictures.keys().next().value);
}

/** Show the marked model beside the list. */
function describe() {
  clearTimeout(pause);
  said = "";
  const item = list.children[active];
  if (!isModels()) return;
  if (!item) return side.replaceChildren();
  const head = make("div", "combo-head");
  const title = make("p", "combo-title");
  title.translate = false;
  title.append(...named(item.dataset.label));
  head.append(tile(), title);
  side.replaceChildren(head);
  side.dataset.picture = item.dataset.picture;
  if (pictures.get(item.dataset.picture)?.naturalWidth) enlarge(item.dataset.picture);
  showFacts();
  const input = field;
  pause = setTimeout(() => { if (field === input) act("mark-model", item.dataset.value); }, PAUSE);
}

function enlarge(address) {
  const image = Object.assign(new Image(), { alt: "" });
  image.src = address; // the browser has it
  side.querySelector(".combo-tile")?.append(image);
}

/** Show the facts of the marked model, once Python has read them. */
function showFacts() {
  const answer = document.getElementById("marked-model");
  const item = list.children[active];
  const isIt = answer && item && answer.dataset.list === field.dataset.options && answer.dataset.choice === item.dataset.value;
  if (!isIt) return;
  const facts = make("div", "combo-facts");
  facts.append(...[...answer.childNodes].map((node) => node.cloneNode(true)));
  for (const button of facts.querySelectorAll("button")) button.tabIndex = -1; // those below the field are for the keyboard
  side.querySelector(".combo-facts")?.remove();
  if (facts.childElementCount) side.append(facts);
  const words = wordsOf(facts);
  if (words && words !== said) say(said = words);
  if (pop.classList.contains("is-narrow")) item.scrollIntoView({ block: "nearest" }); // the list has less room now
}

const act = (name, value = "") =>
  document.dispatchEvent(new CustomEvent("mooring-action", { detail: { name, facts: { node: field.dataset.node, name: field.dataset.name, value } } }));

function close() {
  clearTimeout(pause);
  field?.setAttribute("aria-expanded", "false");
  field?.removeAttribute("aria-activedescendant");
  field?.removeAttribute("aria-controls");
  field = null;
  pop.hidden = true;
}

/** Under the field, or above it where there is more room. */
function place() {
  const box = field.getBoundingClientRect();
  const seen = globalThis.visualViewport; // without a phone's keyboard
  const foot = seen ? seen.offsetTop + seen.height : innerHeight;
  const below = foot - box.bottom - 12;
  const isBelow = below > 200 || below > box.top;
  const width = isModels() ? Math.min(innerWidth - 16, Math.max(box.width, WIDE)) : box.width;
  pop.classList.toggle("is-narrow", width < NARROW);
  pop.style.left = `${Math.max(8, Math.min(box.left, innerWidth - 8 - width))}px`;
  pop.style.width = `${width}px`;
  pop.style.maxHeight = `${Math.min(isModels() ? 460 : 360, isBelow ? below : box.top - 12)}px`;
  pop.style.top = isBelow ? `${box.bottom + 4}px` : "auto";
  pop.style.bottom = isBelow ? "auto" : `${innerHeight - box.top + 4}px`;
}

function mark(index, isSeen = false) {
  active = index;
  for (const [at, item] of [...list.children].entries()) item.setAttribute("aria-selected", String(at === index));
  const item = list.children[index];
  if (item) {
    field.setAttribute("aria-activedescendant", item.id);
    if (!isSeen) item.scrollIntoView({ block: "nearest" });
  } else {
    field.removeAttribute("aria-activedescendant");
  }
  describe();
}

function choose(item) {
  const input = field;
  input.value = item.dataset.value;
  close();
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

/** After a patch of the page: show the files of the open list, or the facts of its marked choice. */
function refresh(changes) {
  if (!field?.isConnected || !isModels()) return;
  const lists = document.getElementById("lists");
  if (!changes.some(({ target }) => lists.contains(target))) return showFacts();
  const value = list.children[active]?.dataset.value;
  const top = list.scrollTop;
  open(field, query);
  list.scrollTop = top;
  const at = [...list.children].findIndex((item) => item.dataset.value === value);
  if (field && at >= 0) mark(at);
}

const answers = new MutationObserver(refresh);
for (const id of ["lists", "marked"]) {
  const region = document.getElementById(id);
  if (region) answers.observe(region, { subtree: true, childList: true, characterData: true, attributes: true });
}

const move = (by) => mark(Math.max(0, Math.min(list.children.length - 1, active + by)));
const isCombo = (node) => node instanceof HTMLInputElement && node.matches("[role=combobox][data-options]");

const KEYS = {
  ArrowDown: (input) => (field ? move(1) : open(input, "")),
  ArrowUp: (input) => (field ? move(-1) : open(input, "")),
  PageDown: () => field && move(10),
  PageUp: () => field && move(-10),
  Enter: () => field && list.children[active] && choose(list.children[active]),
  Escape: () => field && close(),
};

document.addEventListener("keydown", (event) => {
  const isComposing = event.isComposing || event.keyCode === 229; // Safari ends a composition before its last key
  if (!isCombo(event.target) || isComposing || event.ctrlKey || event.metaKey) return;
  const isOpen = Boolean(field);
  KEYS[event.key]?.(event.target);
  const isOurs = event.key in KEYS && (isOpen || event.key.startsWith("Arrow"));
  if (!isOurs) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

document.addEventListener("input", (event) => {
  if (isCombo(event.target)) open(event.target, event.target.value);
});

document.addEventListener("click", (event) => {
  const item = event.target.closest?.("#combo-list [role=option]");
  if (item && field) return choose(item);
  if (isCombo(event.target) && event.target !== field) open(event.target, "");
});

list.addEventListener("pointermove", (event) => {
  const item = event.target.closest("[role=option]");
  const index = [...list.children].indexOf(item);
  if (event.pointerType === "mouse" && isModels() && index >= 0 && index !== active && (event.movementX || event.movementY)) mark(index, true);
});
pop.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
document.addEventListener("focusout", (event) => { if (event.target === field) close(); });
document.addEventListener("scroll", (event) => { if (field && !pop.contains(event.target)) place(); }, true);
addEventListener("resize", () => { if (field) close(); });
