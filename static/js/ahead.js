// The window that a link would open is loaded while the pointer rests on the link, or it has the focus, where the browser can
// do so (speculation rules). It waits in `shell.js` until it is opened: until then it claims and stores nothing.

// The hash of this text is in gateway/site/policy.py.
const RULES = `{"prerender":[{"where":{"selector_matches":"a[target=_blank][href='./']"},"eagerness":"immediate"}]}`;
const LINK = JSON.parse(RULES).prerender[0].where.selector_matches;
const RESTS = 80; // milliseconds: a pointer on its way to another place loads nothing

let link = null; // that the pointer or the focus is on
let rules = null;
let timer = 0;

/** Also notices that the link is gone, of which no element hears. Without its rules the browser drops what it has loaded. */
function follow({ target, type, pointerType }) {
  if (pointerType === "touch") return; // which leaves the link before it is a click
  const found = target.closest?.(LINK) ?? null;
  if (found === link) return;
  link = found;
  clearTimeout(timer);
  rules?.remove();
  rules = null;
  if (link) timer = setTimeout(begin, type === "pointerover" ? RESTS : 0);
}

function begin() {
  rules = Object.assign(document.createElement("script"), { type: "speculationrules", text: RULES });
  document.head.append(rules);
}

if (HTMLScriptElement.supports?.("speculationrules")) {
  for (const type of ["pointerover", "focusin"]) document.addEventListener(type, follow);
  document.documentElement.addEventListener("pointerleave", follow);
}
