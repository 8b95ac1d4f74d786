// A link into the page, in its address after `#`, or what the service worker says there of shared files. It is taken from
// there and erased before another script runs, so that a reload, a copied address or a report of an error carries nothing
// of it. A classic script on purpose: modules run later.
{
  const OURS = /^#(?:workflow|result|open|shared)=/;
  const LONGEST = 200_001; // characters; Python refuses that many, and needs no more of them to know
  let waiting = null; // the latest, until Python listens
  let follow = (link) => { waiting = link; };

  const take = () => {
    const { hash } = location;
    if (!OURS.test(hash)) return;
    const bare = new URL(location.href);
    bare.hash = "";
    history.replaceState(history.state, "", bare.href);
    follow(hash.slice(1, LONGEST + 1));
  };

  /** Call back with each link that is opened: `callback(what follows the #)`. */
  globalThis.mooringLinks = (callback) => {
    follow = callback;
    if (waiting !== null) callback(waiting);
    waiting = null;
  };

  take();
  addEventListener("hashchange", take);
}
