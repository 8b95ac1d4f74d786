// The window that a link would open is loaded while the pointer rests on the link, or it has the focus, where the browser can
// do so (speculation rules). It waits in `shell.js` until it is opened: until then it claims and stores nothing.

// The hash of this text is in gateway/site/policy.py.
const RULES = `{"prerender":[{"where":{"selector_matches":"a[target=_blank][href='./']"},"eagerness":"immediate"}]}`;
const LINK = JSON.parse(RULES).prerender[0].where.selector_matches;
const RESTS = 80; // milliseconds: a pointer on its way to another place loads nothing

let rules = null;
let timer = 0;

function begin({ target, type }) {
  if (rules || !target.closest?.(LINK)) return;
  clearTimeout(timer);
  timer = setTimeout(() => {
    rules = Object.assign(document.createElement("script"), { type: "speculationrules", text: RULES });
    document.head.append(rules);
  }, type === "pointerover" ? RESTS : 0);
}

/** Without its rules the browser drops what it has loaded, and frees its memory. */
function end({ target, relatedTarget }) {
  const link = target.closest?.(LINK);
  if (!link || link.contains(relatedTarget)) return;
  clearTimeout(timer);
  rules?.remove();
  rules = null;
}

if (HTMLScriptElement.supports?.("speculationrules")) {
  for (const type of ["pointerover", "focusin"]) document.addEventListener(type, begin);
  for (const type of ["pointerout", "focusout"]) document.addEventListener(type, end);
}
