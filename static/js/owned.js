// The names of this browser's stores. Where users log in, each has their own, so that no user
// finds the data of another: the gateway names the stores in the page (`app/browser/owned.py` is the same).
// `theme.js` runs before modules can, and does the same for itself.

/** A name of a store, a key, a lock or a channel, for the user of this page. */
export const owned = (name) => {
  const { store } = document.documentElement.dataset;
  return store ? `${name}@${store}` : name;
};
