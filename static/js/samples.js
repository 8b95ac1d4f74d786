// Sample photos for a first try: landscapes drawn here, so that nothing is downloaded and nobody's picture is used.

const [WIDE, HIGH] = [1200, 800];
const QUALITY = 0.92;
const SCENES = {
  dunes: { sky: ["#22345a", "#d98a6a", "#f6d9a8"], sun: [0.7, 0.42, "#fff1c9"], near: "#5a3524", far: "#d9a06a", waves: 1.2, seed: 7 },
  harbour: { sky: ["#8fb4cf", "#d9e6ea", "#f4efe2"], sun: [0.3, 0.3, "#fffdf2"], near: "#1d3d4c", far: "#8aa9b4", waves: 0.35, seed: 21 },
  hills: { sky: ["#5d8fc4", "#a9cbe3", "#eaf3f2"], sun: [0.55, 0.22, "#fffbe6"], near: "#1f3d2a", far: "#9dbfa2", waves: 2.1, seed: 40 },
};

/** Numbers from 0 to 1, the same ones for the same seed. */
function numbers(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const mixed = (one, other, part) => `color-mix(in srgb, ${one} ${Math.round(100 - 100 * part)}%, ${other})`;

function drawSky(pen, { sky, sun: [x, y, light] }) {
  const shade = pen.createLinearGradient(0, 0, 0, HIGH * 0.75);
  sky.forEach((colour, index) => shade.addColorStop(index / (sky.length - 1), colour));
  pen.fillStyle = shade;
  pen.fillRect(0, 0, WIDE, HIGH);
  const glow = pen.createRadialGradient(x * WIDE, y * HIGH, 20, x * WIDE, y * HIGH, 360);
  glow.addColorStop(0, light);
  glow.addColorStop(0.12, `color-mix(in srgb, ${light} 70%, transparent)`);
  glow.addColorStop(1, "transparent");
  pen.fillStyle = glow;
  pen.fillRect(0, 0, WIDE, HIGH);
}

/** Ridges from far to near, each darker and rougher than the one behind it. */
function drawLand(pen, { near, far, waves, seed }) {
  const next = numbers(seed);
  const layers = 7;
  for (let layer = 0; layer < layers; layer++) {
    const part = layer / (layers - 1);
    const base = HIGH * (0.5 + 0.42 * part);
    const swells = Array.from({ length: 5 }, (_, index) => [
      (index + 1) * waves * (0.7 + 0.6 * next()), next() * Math.PI * 2, (26 + 40 * part) * next() / (index + 1),
    ]);
    pen.fillStyle = mixed(far, near, part);
    pen.beginPath();
    pen.moveTo(0, HIGH);
    for (let x = 0; x <= WIDE; x += 3) {
      const height = swells.reduce((sum, [wave, at, size]) => sum + Math.sin((x / WIDE) * Math.PI * 2 * wave + at) * size, 0);
      pen.lineTo(x, base + height + (next() - 0.5) * 1.5);
    }
    pen.lineTo(WIDE, HIGH);
    pen.fill();
  }
}

/** Fine grain, without which a filter would have nothing to sharpen. */
function drawGrain(pen, seed) {
  const next = numbers(seed + 1);
  const picture = pen.getImageData(0, 0, WIDE, HIGH);
  for (let at = 0; at < picture.data.length; at += 4) {
    const grain = (next() - 0.5) * 14;
    for (let channel = 0; channel < 3; channel++) picture.data[at + channel] += grain;
  }
  pen.putImageData(picture, 0, 0);
}

/** A sample photo as a file, as if it had been chosen. */
export async function samplePhoto(name) {
  const scene = SCENES[name];
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDE, height: HIGH });
  const pen = canvas.getContext("2d");
  drawSky(pen, scene);
  drawLand(pen, scene);
  drawGrain(pen, scene.seed);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
  return new File([blob], `${name}.jpg`, { type: "image/jpeg" });
}
