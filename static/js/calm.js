// How often what moves by itself is drawn: some 20 times a second, or so seldom that all of it together takes a tenth of a core.
// The user's own actions are drawn immediately.

const CALM = 40; // milliseconds
const CALMEST = 250;
const SHARE = 0.1;
const costs = { page: 0, animation: 0 }; // milliseconds that the last drawing of each took

export function noteCost(kind, milliseconds) {
  costs[kind] = milliseconds;
}

/** The milliseconds to wait before the next drawing. */
export function pause() {
  return Math.min(Math.max(CALM, (costs.page + costs.animation) / SHARE), CALMEST);
}
