/* Heat maps: a few levels per film, drawn smoothly in the colours of the scale. */

const COLOURS = Uint8Array.from(facts.colours.match(/../g), (digits) => parseInt(digits, 16));

const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/* Weights of four neighbours for a place between the middle two, 0..1 (Keys 1981, a = -0.75). */
function cubic(place) {
  const a = -0.75;
  const near = (x) => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [far(1 + place), near(place), near(1 - place), far(2 - place)];
}

/* Where each of `count` pixels lies among `size` levels: four of them, and their weights. */
function samples(count, size) {
  return Array.from({ length: count }, (_, index) => {
    const place = ((index + 0.5) * size) / count - 0.5;
    const first = Math.floor(place);
    const inside = (level) => Math.min(size - 1, Math.max(0, level));
    return { levels: [-1, 0, 1, 2].map((step) => inside(first + step)), weights: cubic(place - first) };
  });
}

/* Draw a heat map on a canvas of any size. heat: [width, height, levels as base64]. */
function drawHeat(canvas, [width, height, base64]) {
  const levels = bytesOf(base64);
  const across = samples(canvas.width, width);
  const down = samples(canvas.height, height);
  const wide = []; // rows of the map, stretched to the canvas' width
  for (let y = 0; y < height; y += 1) {
    wide.push(Float32Array.from(across, (s) => s.levels.reduce((sum, x, k) => sum + s.weights[k] * levels[y * width + x], 0)));
  }
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  down.forEach((s, y) => {
    for (let x = 0; x < canvas.width; x += 1) {
      const sum = s.levels.reduce((total, row, k) => total + s.weights[k] * wide[row][x], 0);
      const level = Math.min(255, Math.max(0, Math.round(sum)));
      const pixel = 4 * (y * canvas.width + x);
      image.data.set(COLOURS.subarray(3 * level, 3 * level + 3), pixel);
      image.data[pixel + 3] = Math.round(facts.strongest * level);
    }
  });
  context.putImageData(image, 0, 0);
}

/* The strongest heat, 0..1, and in words where it lies. */
function hottest([width, height, base64]) {
  const levels = bytesOf(base64);
  const index = levels.indexOf(Math.max(...levels));
  const third = (place, count, names) => names[Math.min(2, Math.floor((3 * (place + 0.5)) / count))];
  const down = third(Math.floor(index / width), height, ["upper", "middle", "lower"]);
  const across = third(index % width, width, ["left", "centre", "right"]);
  return { heat: levels[index] / 255, where: down + " " + across };
}
