// thumbhash.js: draws a ThumbHash (evanw.github.io/thumbhash): some 25 bytes that hold the lowest frequencies of an image.
//
// The format: 24 bits of averages (luminance, two differences of colour), the luminance's scale and whether there is alpha; 16 bits
// with how many frequencies luminance has in the shorter direction, the other scales, and which direction is longer; with alpha, a byte
// for it; then, 4 bits each, the cosine coefficients of luminance (L), yellow-blue (P), red-green (Q) and alpha.

const SIDE = 32;

// One channel: its average and its coefficients, of which the triangle below the diagonal is kept.
function channel(average, scale, nx, ny, nibble) {
  const terms = [];
  for (let y = 0; y < ny; y++)
    for (let x = y ? 0 : 1; x * ny < nx * (ny - y); x++) terms.push([x, y, (nibble() / 7.5 - 1) * scale]);
  return { average, terms };
}

function sample(plane, cosX, cosY) {
  let value = plane.average;
  for (const [x, y, factor] of plane.terms) value += factor * cosX[x] * cosY[y] * 2;
  return value;
}

function cosines(position, size) {
  return Array.from({ length: 8 }, (_, n) => Math.cos((Math.PI / size) * (position + 0.5) * n));
}

// The image as { width, height, rgba }; null for bytes that are no ThumbHash.
export function decode(bytes) {
  if (bytes.length < 5) return null;
  const head = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
  const more = bytes[3] | (bytes[4] << 8);
  const alpha = head >> 23 === 1;
  const landscape = more >> 15 === 1;
  if (alpha && bytes.length < 6) return null;
  const longer = alpha ? 5 : 7;
  const nx = Math.max(3, landscape ? longer : more & 7);
  const ny = Math.max(3, landscape ? more & 7 : longer);
  let at = (alpha ? 6 : 5) * 2;
  const nibble = () => {
    const value = (bytes[at >> 1] >> ((at & 1) * 4)) & 15;
    at++;
    return value;
  };
  const light = channel((head & 63) / 63, ((head >> 18) & 31) / 31, nx, ny, nibble);
  const yellow = channel(((head >> 6) & 63) / 31.5 - 1, (((more >> 3) & 63) / 63) * 1.25, 3, 3, nibble);
  const red = channel(((head >> 12) & 63) / 31.5 - 1, (((more >> 9) & 63) / 63) * 1.25, 3, 3, nibble);
  const opaque = alpha ? channel((bytes[5] & 15) / 15, (bytes[5] >> 4) / 15, 5, 5, nibble) : { average: 1, terms: [] };
  if (at > bytes.length * 2 + 1) return null;
  const ratio = nx / ny;
  const width = Math.round(ratio > 1 ? SIDE : SIDE * ratio);
  const height = Math.round(ratio > 1 ? SIDE / ratio : SIDE);
  const rgba = new Uint8ClampedArray(width * height * 4);
  const columns = Array.from({ length: width }, (_, x) => cosines(x, width));
  for (let y = 0, i = 0; y < height; y++) {
    const row = cosines(y, height);
    for (let x = 0; x < width; x++, i += 4) {
      const l = sample(light, columns[x], row);
      const p = sample(yellow, columns[x], row);
      const q = sample(red, columns[x], row);
      const blue = l - (2 / 3) * p;
      const r = (3 * l - blue + q) / 2;
      rgba.set([r * 255, (r - q) * 255, blue * 255, sample(opaque, columns[x], row) * 255], i);
    }
  }
  return { width, height, rgba };
}

// A canvas with the image of a hash in base64; null if it is none.
export function paint(base64) {
  let image = null;
  try {
    image = decode(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
  } catch {
    return null;
  }
  if (!image) return null;
  const canvas = document.createElement("canvas");
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d").putImageData(new ImageData(image.rgba, image.width, image.height), 0, 0);
  return canvas;
}
