// Boxes, affine maps and pinhole cameras. Pixel (0, 0) is the centre of the first pixel.

/** How far a crop reaches beyond the person's box. */
export const BOX_MARGIN = 1.25;
/** Across the longer side of the picture, for cameras that nobody knows. */
export const DEFAULT_FOV_DEGREES = 55;

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** [a, b, c, d, e, f]: x' = a·x + b·y + c, y' = d·x + e·y + f. */
export type Affine = [number, number, number, number, number, number];

/** x right, y down, z forward. */
export interface Camera {
  fx: number;
  fy: number;
  cx: number;
  cy: number;
}

/** A camera whose longer image side spans `degrees`. */
export function cameraFromFov(degrees: number, width: number, height: number): Camera {
  const focal = Math.max(width, height) / 2 / Math.tan((degrees * Math.PI) / 360);
  return { fx: focal, fy: focal, cx: width / 2, cy: height / 2 };
}

/** The box around joints, enlarged about its centre: joints lie inside the body. */
export function tightBox(pointsPx: number[][], enlarge = 1.2): Box {
  const xs = pointsPx.map((point) => point[0]);
  const ys = pointsPx.map((point) => point[1]);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const width = (right - left) * enlarge;
  const height = (bottom - top) * enlarge;
  return { x: (left + right - width) / 2, y: (top + bottom - height) / 2, width, height };
}

/**
 * A person's box clipped to the picture, made square and widened: what is cropped.
 * It may reach beyond the picture. Null where nothing of the box lies inside.
 */
export function processBox(
  box: Box,
  imageWidth: number,
  imageHeight: number,
  margin = BOX_MARGIN,
): Box | null {
  const left = Math.max(0, box.x);
  const top = Math.max(0, box.y);
  const right = Math.min(imageWidth - 1, left + Math.max(0, box.width - 1));
  const bottom = Math.min(imageHeight - 1, top + Math.max(0, box.height - 1));
  if (!(box.width * box.height > 0 && right >= left && bottom >= top)) return null;
  const side = Math.max(right - left, bottom - top) * margin;
  if (side <= 0) return null;
  return { x: (left + right - side) / 2, y: (top + bottom - side) / 2, width: side, height: side };
}

/** The map from photo px to the px of a crop of the box, turned about the box's centre. */
export function cropAffine(box: Box, cropPx: number, rotationDegrees = 0): Affine {
  const angle = (rotationDegrees * Math.PI) / 180;
  const right = cropPx / box.width;
  const down = cropPx / box.height;
  const a = Math.cos(angle) * right;
  const b = Math.sin(angle) * right;
  const d = -Math.sin(angle) * down;
  const e = Math.cos(angle) * down;
  const x = box.x + box.width / 2;
  const y = box.y + box.height / 2;
  return [a, b, cropPx / 2 - a * x - b * y, d, e, cropPx / 2 - d * x - e * y];
}

export function invertAffine([a, b, c, d, e, f]: Affine): Affine {
  const det = a * e - b * d;
  return [e / det, -b / det, (b * f - e * c) / det, -d / det, a / det, (d * c - a * f) / det];
}

/** `first`, then `second`, as one map. */
export function composeAffine(first: Affine, second: Affine): Affine {
  const [a, b, c, d, e, f] = second;
  const [p, q, r, s, t, u] = first;
  return [a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f];
}

export function applyAffine([a, b, c, d, e, f]: Affine, [x, y]: number[]): number[] {
  return [a * x + b * y + c, d * x + e * y + f];
}

/**
 * The map from the px of a sensor's frame to those of the picture held upright.
 * @param clockwiseDegrees by which the frame must be turned: 0, 90, 180 or 270.
 * @param width of the frame as the sensor gives it.
 */
export function uprightFromSensor(clockwiseDegrees: number, width: number, height: number): Affine {
  switch (clockwiseDegrees) {
    case 0:
      return [1, 0, 0, 0, 1, 0];
    case 90:
      return [0, -1, height - 1, 1, 0, 0];
    case 180:
      return [-1, 0, width - 1, 0, -1, height - 1];
    case 270:
      return [0, 1, 0, -1, 0, width - 1];
    default:
      throw new Error(`rotation ${clockwiseDegrees}: 0, 90, 180 or 270 degrees are possible`);
  }
}

/**
 * The translation in mm that makes a root-relative pose project onto its 2D joints.
 *
 * From x·(Z + z) = X + x_mm, with x in focal lengths from the principal point: two equations a
 * joint, linear in (X, Y, Z), solved by weighted least squares. X and Y go out with the weighted
 * means; what is left has one unknown.
 */
export function fitTranslation(
  keypointsPx: number[][],
  relativeMm: number[][],
  camera: Camera,
  weights: number[],
): number[] {
  const rays = keypointsPx.map(([x, y]) => [(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy]);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (value: (joint: number) => number): number =>
    weights.reduce((sum, weight, joint) => sum + weight * value(joint), 0) / total;
  // X − x·Z = right for each axis.
  const right = (joint: number, axis: number): number =>
    rays[joint][axis] * relativeMm[joint][2] - relativeMm[joint][axis];
  const rayMean = [mean((j) => rays[j][0]), mean((j) => rays[j][1])];
  const rightMean = [mean((j) => right(j, 0)), mean((j) => right(j, 1))];
  let product = 0;
  let spread = 0;
  for (const axis of [0, 1]) {
    product += mean((j) => (rays[j][axis] - rayMean[axis]) * (right(j, axis) - rightMean[axis]));
    spread += mean((j) => (rays[j][axis] - rayMean[axis]) ** 2);
  }
  if (!(spread > 1e-18)) throw new Error("placing a pose takes joints at different pixels");
  const z = -product / spread;
  return [rightMean[0] + rayMean[0] * z, rightMean[1] + rayMean[1] * z, z];
}
