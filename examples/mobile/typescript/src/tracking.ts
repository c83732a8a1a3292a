// One person over the frames of a camera: where to look next, and how to calm what is seen.

import { type Affine, type Box, cropAffine, processBox, tightBox } from "./geometry.js";
import { BOX_MARGIN } from "./geometry.js";
import type { ModelFile } from "./model.js";

/** Joints below this score do not decide where the person is. */
export const BOX_MIN_SCORE = 0.3;
/** With fewer sure joints the person is lost. */
export const BOX_MIN_JOINTS = 4;
/** People who lean by less are shown upright enough. */
export const MAX_LEAN_DEGREES = 20;

/** A square of the photo, turned clockwise: what leans by so much stands upright in it. */
export interface View {
  square: Box;
  leanDegrees: number;
}

/** The map from photo px to the px of the view's crop. */
export function viewAffine(view: View, cropPx: number): Affine {
  return cropAffine(view.square, cropPx, view.leanDegrees);
}

/**
 * Where to look while nobody is tracked: the whole picture, squares along it, and squares that
 * reach far below it, for portraits. Take the one whose scores have the highest mean.
 */
export function searchViews(width: number, height: number): View[] {
  const longer = Math.max(width, height);
  const shorter = Math.min(width, height);
  const view = (x: number, y: number, side: number): View => ({
    square: { x, y, width: side, height: side },
    leanDegrees: 0,
  });
  const views = [view((width - longer) / 2, (height - longer) / 2, longer)];
  for (const share of longer > 1.2 * shorter ? [0, 0.5, 1] : [0]) {
    const offset = share * (longer - shorter);
    views.push(width >= height ? view(offset, 0, shorter) : view(0, offset, shorter));
  }
  for (const scale of [1.5, 2, 2.5]) {
    views.push(view((width - scale * longer) / 2, -0.08 * scale * longer, scale * longer));
  }
  return views;
}

/** How far the torso leans to the right of upright, −180…180; null where it has no length. */
export function torsoLeanDegrees(keypointsPx: number[][], model: ModelFile): number | null {
  const middle = (axis: number, part: string): number =>
    (keypointsPx[model.joints.indexOf(`L_${part}`)][axis] +
      keypointsPx[model.joints.indexOf(`R_${part}`)][axis]) / 2;
  const right = middle(0, "Shoulder") - middle(0, "Hip");
  const down = middle(1, "Shoulder") - middle(1, "Hip");
  return right === 0 && down === 0 ? null : (Math.atan2(right, -down) * 180) / Math.PI;
}

/** The square around points, in a crop turned by `leanDegrees`. */
export function turnedSquare(pointsPx: number[][], leanDegrees: number): Box {
  const angle = (leanDegrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const box = tightBox(pointsPx.map(([x, y]) => [cos * x + sin * y, cos * y - sin * x]));
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const side = Math.max(box.width, box.height) * BOX_MARGIN;
  return {
    x: cos * x - sin * y - side / 2,
    y: sin * x + cos * y - side / 2,
    width: side,
    height: side,
  };
}

/** Where to look in the next frame, by what was seen in `view`; null where the person is lost. */
export function nextView(
  view: View,
  keypointsPx: number[][],
  scores: number[],
  model: ModelFile,
  imageWidth: number,
  imageHeight: number,
): View | null {
  const sure = keypointsPx.filter((_, joint) => scores[joint] >= BOX_MIN_SCORE);
  if (sure.length < BOX_MIN_JOINTS) return null;
  const lean = torsoLeanDegrees(keypointsPx, model);
  let leanDegrees = view.leanDegrees;
  if (lean !== null) {
    const off = ((((lean - leanDegrees + 180) % 360) + 360) % 360) - 180;
    if (Math.abs(off) > MAX_LEAN_DEGREES) leanDegrees = lean;
  }
  const square = leanDegrees
    ? turnedSquare(sure, leanDegrees)
    : processBox(tightBox(sure), imageWidth, imageHeight);
  return square && { square, leanDegrees };
}

/** The values of a mirrored picture's joints in the order of the true left and right. */
export function flipJoints<T>(values: T[], model: ModelFile): T[] {
  const flipped = [...values];
  for (const [left, right] of model.flipPairs) {
    [flipped[left], flipped[right]] = [values[right], values[left]];
  }
  return flipped;
}

/** Mirrors px: joints of a mirrored frame, as they are in the frame itself, or the other way. */
export function flipPointsPx(pointsPx: number[][], imageWidth: number): number[][] {
  return pointsPx.map(([x, ...rest]) => [imageWidth - 1 - x, ...rest]);
}

/** The one-euro filter (Casiez et al., CHI 2012): calm when still, quick when moving. */
export class OneEuro {
  private timeS = 0;
  private values: number[] | null = null;
  private speeds: number[] = [];

  /**
   * @param minCutoffHz lower is calmer when still.
   * @param beta higher follows quick movements sooner, in Hz per unit and second.
   */
  constructor(
    readonly minCutoffHz: number,
    readonly beta: number,
    readonly speedCutoffHz = 1,
  ) {}

  /** The smoothed values of a frame at `timeS`; frames must come in order. */
  filter(values: number[], timeS: number): number[] {
    if (this.values === null) {
      this.speeds = values.map(() => 0);
      this.values = [...values];
    } else {
      const stepS = timeS - this.timeS;
      if (!(stepS > 0)) throw new Error(`time ${timeS} s does not come after ${this.timeS} s`);
      const share = (cutoffHz: number): number => {
        const r = 2 * Math.PI * cutoffHz * stepS;
        return r / (r + 1);
      };
      const before = this.values;
      const speedShare = share(this.speedCutoffHz);
      this.values = values.map((value, i) => {
        const speed = (value - before[i]) / stepS;
        this.speeds[i] += speedShare * (speed - this.speeds[i]);
        const cutoffHz = this.minCutoffHz + this.beta * Math.abs(this.speeds[i]);
        return before[i] + share(cutoffHz) * (value - before[i]);
      });
    }
    this.timeS = timeS;
    return [...this.values];
  }

  /** Forgets the person, for when they are lost. */
  reset(): void {
    this.values = null;
  }
}
