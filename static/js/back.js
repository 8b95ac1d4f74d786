// The browser's Back closes the open dialog of a phone instead of leaving the page. Chromium on Android asks an open dialog first
// (its close watcher), other browsers have nothing of the kind. So a dialog gets a history entry of its own, at the same address
// and without content; whatever closes the dialog takes the entry away again.

const ONE_AT_A_TIME = matchMedia("(width < 43.75em), (pointer: coarse)");
const STATE = "mooringDialog";
let isReturning = false; // the entry is being taken away
let { hash } = location; // of the present entry

const hasEntry = () => Boolean(history.state?.[STATE]);
const openDialog = () => [...document.querySelectorAll("dialog[data-modal][open]")].at(-1);

/** The page was patched: an open dialog has an entry, and none is left of a closed one, such as one from before a reload. */
export function settleBack() {
  if (isReturning) return;
  const isOpen = openDialog() !== undefined;
  if (isOpen && !hasEntry() && ONE_AT_A_TIME.matches) {
    history.scrollRestoration = "manual"; // what closes a dialog may also scroll the page
    history.pushState({ ...history.state, [STATE]: true }, "");
    ({ hash } = location);
  } else if (!isOpen && hasEntry()) {
    isReturning = true;
    history.back();
  }
}

/** Leave the dialog as Escape does. Return false if its own script stays in it, to ask about what would be lost. */
function leave(dialog) {
  let isLeft = false;
  const note = () => { isLeft = true; };
  document.addEventListener("cancel", note, true);
  dialog.dispatchEvent(new Event("cancel", { cancelable: true }));
  document.removeEventListener("cancel", note, true);
  return isLeft;
}

addEventListener("popstate", () => {
  const isLink = location.hash !== hash; // one into the page leaves dialogs alone
  hash = location.hash;
  if (isLink) return;
  const dialog = openDialog();
  const isBack = !isReturning && dialog !== undefined && !hasEntry();
  isReturning = false;
  if (!isBack || !leave(dialog)) settleBack(); // also after Forward, to a dialog that is closed
  if (!hasEntry()) requestAnimationFrame(() => { history.scrollRestoration = "auto"; });
});
