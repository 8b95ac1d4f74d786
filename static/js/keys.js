// The keyboard, where it is not a field's: the command palette, its list, and shortcuts of a single key.
// What a key means is decided in Python (`app/ui/commands/shortcuts.py`); here is only when one counts.

import { showPartOf } from "./tabs.js";

const FREE = "input[type=checkbox], input[type=radio]"; // they take no letters
const TYPED = "input, textarea, select, [contenteditable], [role=textbox], [role=listbox], [role=menu]";

const byId = (id) => document.getElementById(id);
let singles = new Set(); // shortcuts of a single key; none if the user has switched them off

export function setKeys(keys) {
  singles = new Set(keys);
}

const isTyped = (element) => Boolean(element?.closest?.(TYPED)) && !element.matches(FREE);
const isComposed = (event) => event.isComposing || event.keyCode === 229;

/** `callback(name, facts as JSON)` with "open-palette" or "press-key". */
export function listenKeys(callback) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || isComposed(event) || event.altKey) return;
    const dialog = document.querySelector("dialog[open]");
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "k") {
      if (dialog && dialog.id !== "palette") return; // what is begun there would be gone
      event.preventDefault();
      callback(dialog ? "close-dialog" : "open-palette", "{}");
    } else if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z" && !isTyped(event.target)) {
      event.preventDefault();
      callback("undo-last", "{}");
    } else if (!event.ctrlKey && !event.metaKey && !dialog && singles.has(event.key) && !isTyped(event.target)) {
      event.preventDefault();
      callback("press-key", JSON.stringify({ key: event.key }));
    }
  });
}

// The palette: the field keeps the focus, `aria-activedescendant` names the chosen command. The list is Python's; which of
// it is chosen is decided here, so that the arrows never wait.

let answered = null; // the query whose list is shown
let chosen = ""; // id of an option
let isWanted = false; // Enter came before the list did

const options = () => [...byId("palette-list").querySelectorAll("[role=option]")];

/** After each patch: the first of a new list is chosen, and the one that was chosen in the same list. */
export function settle() {
  const field = byId("palette-query");
  if (!field) {
    answered = null;
    isWanted = false;
    return;
  }
  const found = options();
  const query = byId("palette-list").dataset.query;
  if (query !== answered || !found.some((item) => item.id === chosen)) choose(found[0]);
  else choose(byId(chosen));
  answered = query;
  if (isWanted && query === field.value) queueMicrotask(run); // once this patch is done
}

function choose(option) {
  chosen = option?.id ?? "";
  for (const item of options()) item.setAttribute("aria-selected", String(item === option));
  const field = byId("palette-query");
  if (!option) return field.removeAttribute("aria-activedescendant");
  field.setAttribute("aria-activedescendant", chosen);
  option.scrollIntoView({ block: "nearest" });
}

function run() {
  isWanted = byId("palette-list").dataset.query !== byId("palette-query").value;
  if (!isWanted) byId(chosen)?.click();
}

function move(by) {
  const found = options();
  if (!found.length) return;
  const at = found.findIndex((item) => item.id === chosen);
  const next = Math.abs(by) === 1 ? (at + by + found.length) % found.length : Math.max(0, Math.min(found.length - 1, at + by));
  choose(found[next]);
}

const KEYS = { ArrowDown: () => move(1), ArrowUp: () => move(-1), PageDown: () => move(8), PageUp: () => move(-8), Enter: run };

document.addEventListener("keydown", (event) => {
  if (event.target.id !== "palette-query" || isComposed(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});

document.addEventListener("pointerdown", (event) => {
  if (event.target.closest?.("#palette-list")) event.preventDefault(); // the field keeps the focus
});

document.addEventListener("pointermove", (event) => {
  const option = event.target.closest?.("#palette-list [role=option]");
  if (option && option.id !== chosen) choose(option);
});

/** A click on `data-focus` puts the focus into that field or section. */
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-focus]");
  const aim = button && byId(button.dataset.focus);
  if (!aim) return;
  if (aim.tagName === "SECTION") aim.tabIndex = -1;
  showPartOf(aim);
  aim.focus();
});
