// Words that are offered while the user types into a prompt: tags, wildcards, embeddings, LoRAs. A field takes part with
// `data-complete`, which names what it understands beside tags and embeddings: `wildcards`, `loras`.
//
// The list never takes a key before the user has chosen something with the arrow keys: Enter is a new line, Tab leaves the
// field. Nothing happens while an input method composes. Names come from `#word-names` (`app/ui/words/words.html`), which
// the action `want-words` fills; tags are searched by `words_worker.js`.

import { inNextTask } from "./calm.js";
import { caretBox } from "./caret.js";
import { retype } from "./weights.js";

const MOST = 20; // shown
const LONGEST = 80; // characters before the caret that are searched for
const NAME = /^[\p{L}\p{N}_.+*/\\ -]*$/u;
const BREAK = /[,\n(){}|<>[\]:，、。；]/u; // between tags
const UNSPACED = /[\p{L}\p{N}]{2}/u; // in a tag of words; the others are faces, such as o_o

const make = (tag, name, text) => Object.assign(document.createElement(tag), { className: name ?? "", textContent: text ?? "" });
const pop = make("div", "combo offered");
const list = make("ul", "combo-list");
const status = make("p", "visually-hidden");
list.id = "offered-words";
list.setAttribute("role", "listbox");
list.translate = false;
status.setAttribute("role", "status");
pop.hidden = true;
pop.append(list);
const main = document.getElementById("main") ?? document.body; // in a landmark, as everything else
main.append(pop, status);

let field = null; // for which the list is open
let token = null; // what a choice replaces: {kind, query, from, to}
let active = -1;
let isTyping = false; // by a choice
let hasTags = false;
let early = null; // the field with a text for which no tag was found yet; another list may have one
let asked = 0; // the number of the latest question to the worker
let wanted = ""; // what was asked of Python

// Lists

let worker = null;

/** A list of tags as CSV; an empty text takes it away. */
export function giveTags(id, text) {
  if (!worker) {
    worker = new Worker(new URL("./words_worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }) => { if (data.id === asked && field) show(field, data.found.map(tagOption)); });
  }
  worker.postMessage({ list: id, text });
  hasTags = true;
  if (early && document.activeElement === early) suggest(early);
}

/** What Python knows: `{wildcards: [[name, about], …], embeddings: [name, …], loras: [name, …], label, said}`. */
function names() {
  const text = document.getElementById("word-names")?.textContent ?? "";
  if (names.text !== text) [names.text, names.read] = [text, text ? JSON.parse(text) : null];
  return names.read;
}

/** Have Python read what this field offers, once it listens. */
function want(input) {
  const wish = offers(input, "loras") ? "loras" : "words";
  if (wanted === "loras" || wanted === wish || !names()) return;
  wanted = wish;
  const ask = () => document.dispatchEvent(new CustomEvent("mooring-action", { detail: { name: "want-words", facts: { value: wish } } }));
  requestAnimationFrame(() => inNextTask(ask)); // once the focus, or the letter, is painted
}

const offers = (input, what) => input.dataset.complete.split(" ").includes(what);
const isPrompt = (node) => node?.dataset?.complete !== undefined;

// What is typed

/** The word before the caret, or null: `{kind, query, from, to}`. */
function tokenAt(input, isAsked) {
  const { value, selectionStart: at, selectionEnd: end } = input;
  if (at !== end) return null;
  const line = value.slice(value.lastIndexOf("\n", at - 1) + 1, at);
  const lora = offers(input, "loras") && /<(?:lora:)?([^<>:,]{0,80})$/i.exec(line);
  if (lora) return { kind: "loras", query: lora[1].replace(/^l(o(ra?)?)?$/i, ""), from: at - lora[0].length, to: at };
  const embedding = /(?:^|[\s,(|{])(embedding:([^\s,():|{}]{0,80}))$/i.exec(line);
  if (embedding) return { kind: "embeddings", query: embedding[2], from: at - embedding[1].length, to: at };
  const parts = line.split("__");
  if (offers(input, "wildcards") && parts.length % 2 === 0 && parts.at(-1).length <= LONGEST && NAME.test(parts.at(-1))) {
    return { kind: "wildcards", query: parts.at(-1), from: at - parts.at(-1).length - 2, to: at };
  }
  if (/[\p{L}\p{N}_]/u.test(value[at] ?? "") && !isAsked) return null; // in the middle of a word
  let from = line.length;
  while (from > 0 && (!BREAK.test(line[from - 1]) || isOfTag(line, from - 1))) from -= 1;
  const text = line.slice(from).trimStart();
  const least = isAsked || !/^[\x20-\x7e]*$/.test(text) ? 1 : 2;
  if (text.trim().length < least || text.length > LONGEST) return null;
  return { kind: "tags", query: text, from: at - text.length, to: at };
}

/** Whether parentheses belong to a tag such as `name_(place)`, and are no weight. */
const isOfTag = (line, at) => /[()]/.test(line[at]) && (line[at - 1] === "\\" || (line[at] === "(" && line[at - 1] === "_"));

function suggest(input, isAsked = false) {
  token = tokenAt(input, isAsked);
  asked += 1;
  early = null;
  if (field) mark(-1); // what was marked was found for another text
  if (!token) return close();
  if (token.kind === "tags") {
    early = input;
    if (!hasTags) return close();
    if (field !== input) close();
    field = input;
    worker.postMessage({ id: asked, query: token.query.replaceAll("\\", ""), most: MOST });
    return;
  }
  const known = names()?.[token.kind] ?? [];
  show(input, matching(known.map((item) => (Array.isArray(item) ? item : [item, ""])), token.query).map(nameOption));
}

const plain = (text) => text.normalize("NFKC").toLowerCase().replaceAll("\\", "/").replaceAll(" ", "-");

/** Names that begin with the text, or whose file does, then those that have it inside. */
function matching(known, query) {
  const text = plain(query);
  const found = known.filter(([name]) => plain(name).includes(text));
  const begins = ([name]) => plain(name).startsWith(text) || plain(name).slice(name.lastIndexOf("/") + 1).startsWith(text);
  return [...found.filter(begins), ...found.filter((item) => !begins(item))].slice(0, MOST);
}

// The list

function option(inserted, shown, about, note = "") {
  const item = make("li");
  item.setAttribute("role", "option");
  item.dataset.inserted = inserted;
  const text = make("span", "offered-text", shown);
  if (note) text.append(" ", make("span", "offered-note", note));
  item.append(text);
  if (about) item.append(" ", make("span", "offered-about numeric", about));
  return item;
}

const COUNT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const shownTag = (name) => (UNSPACED.test(name) ? name.replaceAll("_", " ") : name);

function tagOption([name, count, alias]) {
  const isDrawn = offers(field, "wildcards");
  const escaped = shownTag(name).replace(isDrawn ? /[(){}|]/g : /[()]/g, "\\$&");
  return option(`${escaped}${separator()}`, shownTag(name), count ? COUNT.format(count) : "", alias ? `← ${alias}` : "");
}

function nameOption([name, about]) {
  if (token.kind === "wildcards") return option(`__${name}__`, name, about);
  const stem = name.replace(/\.(safetensors|pt|pth|ckpt|bin)$/i, "");
  return token.kind === "loras" ? option(`<lora:${stem}:1>`, stem, "") : option(`embedding:${stem}${separator()}`, stem, "");
}

/** A comma after what is inserted, unless it is inside of something or a comma follows. */
function separator() {
  const input = field ?? document.activeElement;
  const [before, after] = [input.value.slice(0, token.from), input.value.slice(token.to)];
  const line = before.slice(before.lastIndexOf("\n") + 1).replace(/\\./g, "");
  const isInside = ["()", "{}"].some(([open, end]) => line.split(open).length > line.split(end).length);
  return isInside || /^\s*[,)}|:，]/.test(after) ? "" : /^\s/.test(after) ? "," : ", ";
}

function show(input, items) {
  if (items.length) early = null;
  if (!items.length || document.activeElement !== input) return close();
  const wasOpen = !pop.hidden && field === input;
  const marked = wasOpen ? list.children[active]?.dataset.inserted : undefined; // while the answer was on its way
  field = input;
  const parent = input.closest("dialog")?.querySelector("[data-kept=combo]") ?? main; // all outside a dialog is inert
  if (pop.parentElement !== parent) parent.append(pop);
  items.forEach((item, place) => { item.id = `offered-${place}`; });
  list.replaceChildren(...items);
  list.setAttribute("aria-label", names()?.label ?? "");
  pop.hidden = false;
  list.scrollTop = 0;
  if (input instanceof HTMLInputElement) { // a text of many lines cannot be a combobox, but has a list and a marked choice too
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-expanded", "true");
  }
  input.setAttribute("aria-haspopup", "listbox");
  input.setAttribute("aria-controls", list.id);
  mark(items.findIndex((item) => item.dataset.inserted === marked));
  place();
  if (!wasOpen) status.textContent = (names()?.said ?? "").replace("{count}", String(items.length));
}

function close() {
  pop.hidden = true;
  status.textContent = "";
  for (const name of ["role", "aria-expanded", "aria-haspopup", "aria-controls", "aria-activedescendant"]) field?.removeAttribute(name);
  field = null;
  active = -1;
}

/** Under the caret, or above it where there is more room. */
function place() {
  const caret = caretBox(field, token.from);
  const seen = globalThis.visualViewport; // without a phone's keyboard
  const [head, foot] = seen ? [seen.offsetTop, seen.offsetTop + seen.height] : [0, innerHeight];
  const [above, below] = [caret.top - head - 8, foot - caret.bottom - 8];
  const isBelow = below > 180 || below > above;
  pop.style.maxHeight = `${Math.max(80, Math.min(320, isBelow ? below : above))}px`;
  pop.style.left = `${Math.max(8, Math.min(caret.left, innerWidth - 8 - pop.offsetWidth))}px`;
  pop.style.top = isBelow ? `${caret.bottom + 4}px` : "auto";
  pop.style.bottom = isBelow ? "auto" : `${innerHeight - caret.top + 4}px`;
}

function mark(index) {
  active = index;
  for (const [at, item] of [...list.children].entries()) item.setAttribute("aria-selected", String(at === index));
  const item = list.children[index];
  if (!item) return field.removeAttribute("aria-activedescendant");
  field.setAttribute("aria-activedescendant", item.id);
  item.scrollIntoView({ block: "nearest" });
}

function choose(item) {
  const [input, { from, to }] = [field, token];
  close();
  input.focus({ preventScroll: true });
  isTyping = true;
  retype(input, from, to, item.dataset.inserted);
  isTyping = false;
}

// Keys and events

const KEYS = {
  ArrowDown: () => mark(Math.min(list.children.length - 1, active + 1)),
  ArrowUp: () => mark(active - 1),
  PageDown: () => mark(Math.min(list.children.length - 1, active + 8)),
  PageUp: () => mark(Math.max(0, active - 8)),
  Enter: () => choose(list.children[active]),
  Tab: () => choose(list.children[active]),
  Escape: () => close(),
};
const UNMARKED = new Set(["ArrowDown", "PageDown", "Escape"]); // the others mean what they mean without a list

document.addEventListener("keydown", (event) => {
  const isComposing = event.isComposing || event.keyCode === 229; // Safari ends a composition before its last key
  if (!isPrompt(event.target) || isComposing) return;
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  if (event.key === " " && event.ctrlKey && !event.altKey && !event.metaKey) {
    suggest(event.target, true);
  } else if (event.target !== field || pop.hidden || !isPlain || !(event.key in KEYS) || (active < 0 && !UNMARKED.has(event.key))) {
    return;
  } else {
    KEYS[event.key]();
  }
  event.preventDefault();
  event.stopPropagation();
}, true);

document.addEventListener("input", (event) => {
  if (!isPrompt(event.target) || isTyping) return;
  want(event.target);
  if (!event.isComposing) suggest(event.target);
});
document.addEventListener("compositionstart", (event) => { if (event.target === field) close(); });
document.addEventListener("compositionend", (event) => { if (isPrompt(event.target)) suggest(event.target); });
document.addEventListener("focusin", (event) => { if (isPrompt(event.target)) want(event.target); });
document.addEventListener("focusout", (event) => { if (event.target === field) close(); });
document.addEventListener("selectionchange", () => {
  if (field && token && (field.selectionStart !== token.to || field.selectionEnd !== token.to)) close(); // the caret was moved
});
list.addEventListener("click", (event) => {
  const item = event.target.closest("[role=option]");
  if (item && field) choose(item);
});
pop.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
document.addEventListener("scroll", (event) => { if (field && !pop.hidden && !pop.contains(event.target)) place(); }, true);
addEventListener("resize", () => { if (field) close(); });
