// From what the network answers to pixels to camera millimetres.

import { type Affine, type Camera, applyAffine, fitTranslation, invertAffine } from "./geometry.ts";
import type { ModelFile } from "./model.ts";

/** Between the means of adult women and men. */
export const DEFAULT_STATURE_MM = 1700;
/** A segment's part across the line of sight is at least this share of its length. */
const MIN_ACROSS = 0.1;
/** The nearest that a joint can be to the camera. */
const MIN_JOINT_DEPTH_MM = 100;
const PLACEMENT_ROUNDS = 12;

/** Ends of a segment, each the middle of its joints, and its length as a share of stature. */
const SEGMENTS: [string[], string[], number][] = [
  [["L_Shoulder", "R_Shoulder"], ["L_Hip", "R_Hip"], 0.288],
  [["L_Shoulder"], ["L_Elbow"], 0.186],
  [["R_Shoulder"], ["R_Elbow"], 0.186],
  [["L_Elbow"], ["L_Wrist"], 0.146],
  [["R_Elbow"], ["R_Wrist"], 0.146],
  [["L_Hip"], ["L_Knee"], 0.245],
  [["R_Hip"], ["R_Knee"], 0.245],
  [["L_Knee"], ["L_Ankle"], 0.246],
  [["R_Knee"], ["R_Ankle"], 0.246],
];

/** The outputs of a model that was exported with its head, joint by joint. */
export function listJoints(
  cells: Float32Array,
  scores: Float32Array,
): { cells: number[][]; scores: number[] } {
  return {
    cells: Array.from(scores, (_, j) => [cells[3 * j], cells[3 * j + 1], cells[3 * j + 2]]),
    scores: Array.from(scores),
  };
}

/**
 * Cells [x, y, z] and scores 0…1 of each joint, from a model that was exported with --heatmaps.
 *
 * The softmax of all cells of a joint is its probability; the position is its expectation, or in the
 * picture, where the model says so, that of a sharper form of it. The
 * score is the probability of the picture's cells near that position, over all depths.
 * @param heatmaps logits of shape [1, J·D, H, W] or [1, H, W, J·D]; channel = joint · D + depth.
 */
export function softArgmax(
  heatmaps: Float32Array,
  model: ModelFile,
): { cells: number[][]; scores: number[] } {
  const [width, height, depth] = model.gridCells;
  const channels = model.joints.length * depth;
  const shape = model.outputs[0].shape;
  const isNchw = shape[1] === channels && shape[2] === height;
  const [cellStride, channelStride] = isNchw ? [1, width * height] : [channels, 1];
  const radiusSquared = model.scoreRadiusCells ** 2;
  const cells: number[][] = [];
  const scores: number[] = [];
  for (let joint = 0; joint < model.joints.length; joint++) {
    const start = joint * depth * channelStride;
    let largest = -Infinity;
    for (let z = 0; z < depth; z++) {
      for (let cell = 0; cell < width * height; cell++) {
        largest = Math.max(largest, heatmaps[start + z * channelStride + cell * cellStride]);
      }
    }
    const plane = new Float64Array(width * height);
    let total = 0;
    let [x, y, z] = [0, 0, 0];
    for (let layer = 0; layer < depth; layer++) {
      let mass = 0;
      for (let cell = 0; cell < width * height; cell++) {
        const p = Math.exp(heatmaps[start + layer * channelStride + cell * cellStride] - largest);
        plane[cell] += p;
        mass += p;
      }
      z += mass * layer;
      total += mass;
    }
    const located = model.position === "peak" ? sharpened(plane, model) : plane;
    let locatedTotal = 0;
    for (let cell = 0; cell < width * height; cell++) {
      x += located[cell] * (cell % width);
      y += located[cell] * Math.floor(cell / width);
      locatedTotal += located[cell];
    }
    [x, y, z] = [x / locatedTotal, y / locatedTotal, z / total];
    let near = 0;
    for (let cell = 0; cell < width * height; cell++) {
      const right = (cell % width) - x;
      const down = Math.floor(cell / width) - y;
      if (right * right + down * down <= radiusSquared) near += plane[cell];
    }
    cells.push([x, y, z]);
    scores.push(Math.min(1, near / total / model.scoreSureMass));
  }
  return { cells, scores };
}

/** The picture's cells of a joint, smoothed by a Gaussian and raised to a power: its peak alone. */
function sharpened(plane: Float64Array, model: ModelFile): Float64Array {
  const [width, height] = model.gridCells;
  const bell = Array.from({ length: Math.max(width, height) }, (_, distance) =>
    Math.exp(-((distance / model.peakSigmaCells) ** 2) / 2),
  );
  const rows = new Float64Array(plane.length);
  const smooth = new Float64Array(plane.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let from = 0; from < width; from++) {
        rows[y * width + x] += bell[Math.abs(x - from)] * plane[y * width + from];
      }
    }
  }
  for (let y = 0; y < height; y++) {
    for (let from = 0; from < height; from++) {
      const weight = bell[Math.abs(y - from)];
      for (let x = 0; x < width; x++) smooth[y * width + x] += weight * rows[from * width + x];
    }
  }
  const largest = smooth.reduce((a, b) => Math.max(a, b));
  return smooth.map((value) => (value / largest) ** model.peakPower);
}

/**
 * Cells → px of the photo, and depth behind the root in mm.
 * @param affine from photo to crop.
 */
export function cellsToPhoto(
  cells: number[][],
  affine: Affine,
  model: ModelFile,
): { keypointsPx: number[][]; depthMm: number[] } {
  const inverse = invertAffine(affine);
  const [width, height, depth] = model.gridCells;
  const depths = cells.map((cell) => (cell[2] / depth - 0.5) * model.depthRangeMm);
  return {
    keypointsPx: cells.map(([x, y]) =>
      applyAffine(inverse, [(x * model.cropPx) / width, (y * model.cropPx) / height]),
    ),
    // The root's depth is zero by definition; the network's answer for it is its error.
    depthMm: depths.map((value) => value - depths[model.root]),
  };
}

/**
 * Joints in the camera's space, in mm, from 2D, depth behind the root and the person's stature.
 *
 * In turns: seen from the present guess of the root's distance, the pose is widened or narrowed
 * across the line of sight until its segments have the lengths that the stature asks for; then it
 * is moved to where it projects onto its 2D joints.
 */
export function placeInCamera(
  keypointsPx: number[][],
  depthMm: number[],
  scores: number[],
  model: ModelFile,
  camera: Camera,
  statureMm = DEFAULT_STATURE_MM,
): number[][] {
  const index = (name: string): number => {
    const joint = model.joints.indexOf(name);
    if (joint < 0) throw new Error(`model ${model.name} has no joint ${name}, which placing takes`);
    return joint;
  };
  const mean = (joints: number[], value: (joint: number) => number): number =>
    joints.reduce((sum, joint) => sum + value(joint), 0) / joints.length;
  const weights = scores.map((score) => Math.max(score, 1e-3));
  const segments = SEGMENTS.map(([start, end, share]) => {
    const ends = [start.map(index), end.map(index)];
    return {
      ends,
      lengthMm: share * statureMm,
      // As sure as its less sure end.
      weight: Math.min(...ends.map((joints) => mean(joints, (j) => weights[j]))),
    };
  });
  const at = (rootDepthMm: number): number[][] =>
    keypointsPx.map(([x, y], j) => {
      const z = rootDepthMm + depthMm[j];
      return [((x - camera.cx) / camera.fx) * z, ((y - camera.cy) / camera.fy) * z, z];
    });

  const nearestMm = MIN_JOINT_DEPTH_MM - Math.min(...depthMm);
  let rootDepthMm = Math.max(nearestMm, 2 * statureMm);
  for (let round = 0; round < PLACEMENT_ROUNDS; round++) {
    const points = at(rootDepthMm);
    const root = points[model.root];
    const relative = points.map((point) => point.map((value, axis) => value - root[axis]));
    // Least squares for s² in Σ weight · (s² · across − wanted)².
    let numerator = 0;
    let denominator = 0;
    for (const { ends, lengthMm, weight } of segments) {
      const [x, y, z] = [0, 1, 2].map(
        (axis) => mean(ends[1], (j) => relative[j][axis]) - mean(ends[0], (j) => relative[j][axis]),
      );
      const across = x * x + y * y;
      const wanted = Math.max(lengthMm ** 2 - z * z, (MIN_ACROSS * lengthMm) ** 2);
      numerator += weight * across * wanted;
      denominator += weight * across * across;
    }
    if (denominator <= 0) throw new Error("a pose whose joints all lie on one pixel cannot be placed");
    const widen = Math.sqrt(numerator / denominator);
    const widened = relative.map(([x, y, z]) => [x * widen, y * widen, z]);
    const translation = fitTranslation(keypointsPx, widened, camera, weights);
    rootDepthMm = Math.max(nearestMm, translation[2]);
  }
  return at(rootDepthMm);
}
