// On a phone one part of the page is seen at a time: the form, what is under way, or results. This remembers which, goes
// where something happens, and keeps each part's place. On a wide window all parts are seen, and none of this shows.

import { owned } from "./owned.js";

const KEY = owned("mooring.tab");
const NARROW = matchMedia("(width < 43.75em)");
const PARTS = { form: "form", standing: "form", nodes: "form", run: "form", now: "now", waiting: "now", left: "now", breaking: "now",
  sheets: "results", results: "results" };
const IDS = Object.keys(PARTS).map((id) => `#${id}`).join();

const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const places = {}; // how far each part is scrolled
let wasBusy = false;
let seen = 0; // results that the user has seen

const ended = () => Number(byId("tab-results")?.dataset.count ?? 0);

/** Show one part. */
function show(name) {
  if (root.dataset.tab !== name) {
    places[root.dataset.tab] = scrollY;
    root.dataset.tab = name;
    if (NARROW.matches) scrollTo({ top: places[name] ?? 0, behavior: "instant" });
  }
  try {
    sessionStorage.setItem(KEY, name);
  } catch {
    // storage is blocked: a reload begins with the form
  }
  mark();
}

/** Show the part that an element is in, before it is gone to. */
export function showPartOf(element) {
  const part = element?.closest(IDS);
  if (part && NARROW.matches) show(PARTS[part.id]);
}

/** The page was patched: a user who watches a run is taken to its result. */
export function settleTabs() {
  const isBusy = document.querySelector("#now .row:not(.is-ended, .is-bad), #waiting .waiting-list > li") !== null;
  const hasCome = ended() > seen;
  if (NARROW.matches && root.dataset.tab === "now" && wasBusy && !isBusy && hasCome) show("results");
  wasBusy = isBusy;
  mark();
}

function mark() {
  const name = root.dataset.tab;
  seen = name === "results" || !NARROW.matches ? ended() : Math.min(seen, ended()); // some may have been deleted
  for (const button of document.querySelectorAll("[data-tab-to]")) {
    if (button.dataset.tabTo === name) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
    button.classList.toggle("has-news", button.id === "tab-results" && ended() > seen);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-tab-to]");
  if (!button) return;
  if (button.dataset.tabTo === root.dataset.tab) scrollTo({ top: 0 }); // a second click scrolls to its top
  else show(button.dataset.tabTo);
});

try {
  const kept = sessionStorage.getItem(KEY);
  if (Object.values(PARTS).includes(kept)) root.dataset.tab = kept;
} catch {
  // storage is blocked
}
