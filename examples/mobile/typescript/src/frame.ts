// Camera frames in, crops out.

import { type Affine, invertAffine, applyAffine, composeAffine } from "./geometry.ts";

/** Interleaved bytes of a picture, as cameras give them. */
export interface Frame {
  bytes: Uint8Array;
  width: number;
  height: number;
  bytesPerRow: number;
  bytesPerPixel: number;
  /** Where red, green and blue stand among a pixel's bytes. */
  rgbAt: [number, number, number];
}

const ORDERS = {
  RGB: { bytesPerPixel: 3, rgbAt: [0, 1, 2] },
  RGBA: { bytesPerPixel: 4, rgbAt: [0, 1, 2] },
  BGRA: { bytesPerPixel: 4, rgbAt: [2, 1, 0] },
} as const;

/** `bytesPerRow` is 0 where no row is padded. */
export function frameOf(
  bytes: Uint8Array,
  width: number,
  height: number,
  order: keyof typeof ORDERS,
  bytesPerRow = 0,
): Frame {
  const { bytesPerPixel, rgbAt } = ORDERS[order];
  bytesPerRow = bytesPerRow || width * bytesPerPixel;
  if (bytesPerRow < width * bytesPerPixel || bytes.length < (height - 1) * bytesPerRow + width * bytesPerPixel) {
    throw new Error(`frame of ${bytes.length} bytes: too few for ${width} × ${height} ${order}`);
  }
  return { bytes, width, height, bytesPerRow, bytesPerPixel, rgbAt: [...rgbAt] };
}

/**
 * RGB from full-range YUV 4:2:0 (JFIF, BT.601), which phone cameras give; u and v may be planes
 * (uvBytesPerPixel 1) or share one (2, each of them starting at its first byte).
 */
export function rgbFromYuv(
  y: Uint8Array,
  u: Uint8Array,
  v: Uint8Array,
  width: number,
  height: number,
  yBytesPerRow: number,
  uvBytesPerRow: number,
  uvBytesPerPixel: number,
): Frame {
  const bytes = new Uint8ClampedArray(width * height * 3);
  let at = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const luma = y[row * yBytesPerRow + column];
      const chroma = (row >> 1) * uvBytesPerRow + (column >> 1) * uvBytesPerPixel;
      const blue = u[chroma] - 128;
      const red = v[chroma] - 128;
      bytes[at++] = luma + 1.402 * red;
      bytes[at++] = luma - 0.344136 * blue - 0.714136 * red;
      bytes[at++] = luma + 1.772 * blue;
    }
  }
  return frameOf(new Uint8Array(bytes.buffer), width, height, "RGB");
}

/**
 * Cuts a crop, cropPx × cropPx × 3 RGB bytes: bilinear, black beyond the frame.
 *
 * Where the crop shrinks the frame to half or less, whole areas of it are averaged first, since
 * bilinear sampling would skip pixels.
 * @param affine from frame px to crop px.
 */
export function warpCrop(frame: Frame, affine: Affine, cropPx: number): Uint8Array {
  const shrink = 1 / Math.sqrt(Math.abs(affine[0] * affine[4] - affine[1] * affine[3]));
  if (shrink >= 2) {
    const factor = Math.floor(shrink);
    const width = Math.max(1, Math.floor(frame.width / factor));
    const height = Math.max(1, Math.floor(frame.height / factor));
    const [x, y] = [frame.width / width, frame.height / height];
    // A pixel's centre is at its index + 0.5 before and after.
    affine = composeAffine([x, 0, x / 2 - 0.5, 0, y, y / 2 - 0.5], affine);
    frame = averaged(frame, width, height, affine, cropPx);
  }
  const { bytes, width, height, bytesPerRow, bytesPerPixel, rgbAt } = frame;
  const [a, b, c, d, e, f] = invertAffine(affine);
  // A clamped array rounds to the nearest, and halves to the even number, as OpenCV does.
  const crop = new Uint8ClampedArray(cropPx * cropPx * 3);
  let to = 0;
  for (let row = 0; row < cropPx; row++) {
    for (let column = 0; column < cropPx; column++, to += 3) {
      const x = a * column + b * row + c;
      const y = d * column + e * row + f;
      const left = Math.floor(x);
      const top = Math.floor(y);
      if (left < -1 || top < -1 || left >= width || top >= height) continue;
      const right = x - left;
      const down = y - top;
      // Weights of the four pixels; those beyond the frame are black.
      const hasLeft = left >= 0 ? 1 - right : 0;
      const hasRight = left + 1 < width ? right : 0;
      const hasTop = top >= 0 ? 1 - down : 0;
      const hasBottom = top + 1 < height ? down : 0;
      const x0 = Math.max(left, 0) * bytesPerPixel;
      const x1 = Math.min(left + 1, width - 1) * bytesPerPixel;
      const y0 = Math.max(top, 0) * bytesPerRow;
      const y1 = Math.min(top + 1, height - 1) * bytesPerRow;
      for (let channel = 0; channel < 3; channel++) {
        const at = rgbAt[channel];
        crop[to + channel] =
          hasTop * (hasLeft * bytes[y0 + x0 + at] + hasRight * bytes[y0 + x1 + at]) +
          hasBottom * (hasLeft * bytes[y1 + x0 + at] + hasRight * bytes[y1 + x1 + at]);
      }
    }
  }
  return new Uint8Array(crop.buffer);
}

/** The frame at a smaller size, each pixel the mean of its area, where the crop will look. */
function averaged(frame: Frame, width: number, height: number, affine: Affine, cropPx: number): Frame {
  const inverse = invertAffine(affine);
  const last = cropPx - 1;
  const corners = [[0, 0], [last, 0], [0, last], [last, last]].map((p) => applyAffine(inverse, p));
  const range = (axis: number, size: number): number[] => {
    const values = corners.map((corner) => corner[axis]);
    return [
      Math.max(0, Math.floor(Math.min(...values))),
      Math.min(size, Math.floor(Math.max(...values)) + 2),
    ];
  };
  const [left, right] = range(0, width);
  const [top, bottom] = range(1, height);
  const across = frame.width / width;
  const along = frame.height / height;
  const small = new Uint8ClampedArray(width * height * 3);
  // Halves go to the even number again, but up in blocks of 2 × 2, which OpenCV adds as integers.
  const up = across === 2 && along === 2 ? 0.1 : 0;
  for (let row = top; row < bottom; row++) {
    const [y0, y1] = [row * along, (row + 1) * along];
    for (let column = left; column < right; column++) {
      const [x0, x1] = [column * across, (column + 1) * across];
      let [red, green, blue] = [0, 0, 0];
      for (let y = Math.floor(y0); y < Math.min(y1, frame.height); y++) {
        const weightY = Math.min(y + 1, y1) - Math.max(y, y0);
        for (let x = Math.floor(x0); x < Math.min(x1, frame.width); x++) {
          const weight = weightY * (Math.min(x + 1, x1) - Math.max(x, x0));
          const at = y * frame.bytesPerRow + x * frame.bytesPerPixel;
          red += weight * frame.bytes[at + frame.rgbAt[0]];
          green += weight * frame.bytes[at + frame.rgbAt[1]];
          blue += weight * frame.bytes[at + frame.rgbAt[2]];
        }
      }
      const area = across * along;
      const to = (row * width + column) * 3;
      small[to] = red / area + up;
      small[to + 1] = green / area + up;
      small[to + 2] = blue / area + up;
    }
  }
  return frameOf(new Uint8Array(small.buffer), width, height, "RGB");
}
