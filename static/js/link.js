// A link into the page, in its address after `#`. It is read once and removed, so that a reload or a copied address carries nothing of it.

const OURS = /^#(?:workflow|result)=/;
const LONGEST = 20_000; // characters; longer ones are refused by Python, which needs no more of them to know

/** Call back with each link that is opened: `callback(what follows the #)`. */
export function listenLinks(callback) {
  const take = () => {
    const { hash } = location;
    if (!OURS.test(hash)) return;
    const bare = new URL(location.href);
    bare.hash = "";
    history.replaceState(history.state, "", bare.href);
    callback(hash.slice(1, LONGEST + 1));
  };
  addEventListener("hashchange", take);
  take();
}
