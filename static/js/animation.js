// Animated previews: `<img src="latest" data-frames="url url …" data-rate="8">` in a running card shows its frames one after another, as
// many a second as `data-rate` says. Where drawing takes long, some are left out (`calm.js`). A hidden tab shows none. Where the user wants
// little motion, the picture is the latest frame, as each patch puts it in.

import { noteCost, pause } from "./calm.js";

const films = new WeakMap(); // img -> { pictures: Map of address -> Image, place: in frames, at: the time }
const drawn = new MessageChannel();
let isWaiting = false;
let begun = 0;

/** Whether the address of this picture changes here, and not with a patch. */
export function isPlaying(image) {
  return image.dataset.frames !== undefined && !matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Continue after a patch, with the frames that it brought. */
export function animate() {
  for (const image of findPlaying()) load(image);
  if (!isWaiting) next();
}

const findPlaying = () => [...document.querySelectorAll("#now img[data-frames]")].filter(isPlaying);

/** Have the browser load and keep all frames, so that each is there when it is shown. */
function load(image) {
  const before = films.get(image) ?? { pictures: new Map(), place: 0, at: performance.now() };
  const pictures = new Map();
  for (const url of image.dataset.frames.split(" ")) pictures.set(url, before.pictures.get(url) ?? begin(url));
  films.set(image, { ...before, pictures });
}

function begin(url) {
  const picture = new Image();
  picture.src = url;
  return picture;
}

function next() {
  const rates = findPlaying().map((image) => Number(image.dataset.rate));
  isWaiting = rates.length > 0;
  if (isWaiting) setTimeout(() => requestAnimationFrame(step), Math.max(pause(), 1000 / Math.max(...rates)));
  else noteCost("animation", 0);
}

function step() {
  begun = performance.now();
  for (const image of findPlaying()) {
    const film = films.get(image);
    if (film) show(image, film);
  }
  drawn.port2.postMessage(null); // it arrives after this frame is painted
}

function show(image, film) {
  film.place = (film.place + (begun - film.at) / 1000 * image.dataset.rate) % film.pictures.size;
  film.at = begun;
  const picture = [...film.pictures.values()][Math.floor(film.place)];
  if (picture.naturalWidth && image.src !== picture.src) image.src = picture.src; // it is loaded
}

drawn.port1.onmessage = () => {
  noteCost("animation", performance.now() - begun);
  next();
};
