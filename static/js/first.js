// Before any module runs, which may be after the first paint: what the user does is kept, in its order, for `early.js`. A classic
// script on purpose. A tab that is loaded again hides the first screen of a new window, since it is shown as it was left.
{
  const TYPES = ["click", "keydown", "input", "change", "dragover", "drop"];
  const done = [];

  const note = (event) => {
    const { type, target } = event;
    const isFile = event.dataTransfer?.types?.includes("Files");
    if (isFile) event.preventDefault(); // else the browser would leave the page for the file
    if (type === "dragover" || (type === "drop" && !isFile)) return;
    const files = [...event.dataTransfer?.files ?? target.files ?? []];
    done.push({ type, event, target, value: target.value, checked: target.checked, files });
  };
  for (const type of TYPES) document.addEventListener(type, note, true);

  /** What was done until now; from here on the caller listens. */
  globalThis.mooringFirst = () => {
    for (const type of TYPES) document.removeEventListener(type, note, true);
    return done;
  };

  const { store } = document.documentElement.dataset; // of the logged-in user (`owned.js`)
  try {
    if (sessionStorage.getItem(store ? `mooring.last@${store}` : "mooring.last")) document.documentElement.classList.add("is-returning");
  } catch {
    // storage is blocked, so nothing was left
  }
}
