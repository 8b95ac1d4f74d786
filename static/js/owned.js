// What this browser's storage is called. Where people are told apart, each has stores of their own, so that whoever logs in
// after another finds nothing of theirs: the gateway names the stores in the page (`app/browser/owned.py` is the same).
// `theme.js` runs before modules can, and does the same for itself.

/** A name of a store, a key, a lock or a channel, as it is for whoever this page belongs to. */
export const owned = (name) => {
  const { store } = document.documentElement.dataset;
  return store ? `${name}@${store}` : name;
};
