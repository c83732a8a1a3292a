// One person over the frames of a camera: where to look next, and how to calm what is seen.

import { type Affine, BOX_MARGIN, type Box, cropAffine, tightBox } from "./geometry.ts";
import type { ModelFile } from "./model.ts";

/** Joints below this score do not decide where the person is. */
export const BOX_MIN_SCORE = 0.3;
/** Fewer sure joints say nothing of where the person is. */
export const BOX_MIN_JOINTS = 4;
/** People who lean by less are shown upright enough. */
export const MAX_LEAN_DEGREES = 20;

/** A person is lost whose mean score falls below this, and found from FIND_SCORE on. */
export const KEEP_SCORE = 0.25;
export const FIND_SCORE = 0.4;

/** A square of the photo, turned clockwise: what leans by so much stands upright in it. */
export interface CropView {
  square: Box;
  leanDegrees: number;
}

/** The map from photo px to the px of the view's crop. */
export function viewAffine(view: CropView, cropPx: number): Affine {
  return cropAffine(view.square, cropPx, view.leanDegrees);
}

/**
 * Where to look while nobody is tracked: the whole picture, squares along it, and squares that
 * reach far below it, for portraits.
 */
export function searchViews(width: number, height: number): CropView[] {
  const longer = Math.max(width, height);
  const shorter = Math.min(width, height);
  const view = (x: number, y: number, side: number): CropView => ({
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

/**
 * Where to look in the next frame, by what was seen in `view`: around the sure joints, turned as
 * the torso leans; the same again where too few joints are sure; null where the person is lost.
 */
export function nextView(
  view: CropView,
  keypointsPx: number[][],
  scores: number[],
  model: ModelFile,
): CropView | null {
  if (meanScore(scores) < KEEP_SCORE) return null;
  const sure = keypointsPx.filter((_, joint) => scores[joint] >= BOX_MIN_SCORE);
  if (sure.length < BOX_MIN_JOINTS) return view;
  const lean = torsoLeanDegrees(keypointsPx, model);
  let leanDegrees = view.leanDegrees;
  if (lean !== null) {
    const off = ((((lean - leanDegrees + 180) % 360) + 360) % 360) - 180;
    if (Math.abs(off) > MAX_LEAN_DEGREES) leanDegrees = lean;
  }
  return { square: turnedSquare(sure, leanDegrees), leanDegrees };
}

export function meanScore(scores: number[]): number {
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/** Follows one person: says where to look in each frame, and learns from what was seen there. */
export class Tracker {
  private tracked: CropView | null = null;
  private searched = 0;
  private readonly searches: CropView[];

  /** For frames of this size, as they are held upright. */
  constructor(
    private readonly model: ModelFile,
    width: number,
    height: number,
  ) {
    this.searches = searchViews(width, height);
  }

  /** Where to look in this frame: around the person, or in one of the places to search. */
  get view(): CropView {
    return this.tracked ?? this.searches[this.searched % this.searches.length];
  }

  /** Follows whom a detector found; the square is `processBox`'s. */
  follow(square: Box): void {
    this.tracked = { square, leanDegrees: 0 };
  }

  /** Takes in what was seen in `view`. False where that is nobody: draw nothing then. */
  see(keypointsPx: number[][], scores: number[]): boolean {
    if (this.tracked === null && meanScore(scores) < FIND_SCORE) {
      this.searched++;
      return false;
    }
    this.tracked = nextView(this.view, keypointsPx, scores, this.model);
    if (this.tracked === null) this.searched = 0;
    return this.tracked !== null;
  }
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

/**
 * The one-euro filter (Casiez et al., CHI 2012): still at rest, quick when moving.
 *
 * The constants are MediaPipe's for poses. They count speeds in sizes of the person a second, so
 * that they hold for people near and far.
 */
export class OneEuro {
  private timeS = 0;
  private raw: number[] | null = null;
  private speeds: number[] = [];
  private smooth: number[] = [];

  constructor(
    readonly minCutoffHz = 0.05,
    readonly beta = 80,
    readonly speedCutoffHz = 1,
  ) {}

  /** The smoothed values at a time; `size` is the person's, in the unit of the values. */
  filter(values: number[], timeS: number, size: number): number[] {
    const before = this.raw;
    if (before === null) {
      this.speeds = values.map(() => 0);
      this.smooth = [...values];
    } else {
      const stepS = timeS - this.timeS;
      if (!(stepS > 0)) throw new Error(`time ${timeS} s does not come after ${this.timeS} s`);
      const share = (cutoffHz: number): number => 1 / (1 + 1 / (2 * Math.PI * cutoffHz * stepS));
      const speedShare = share(this.speedCutoffHz);
      values.forEach((value, i) => {
        const speed = (value - before[i]) / (size * stepS);
        this.speeds[i] += speedShare * (speed - this.speeds[i]);
        const cutoffHz = this.minCutoffHz + this.beta * Math.abs(this.speeds[i]);
        this.smooth[i] += share(cutoffHz) * (value - this.smooth[i]);
      });
    }
    this.timeS = timeS;
    this.raw = [...values];
    return [...this.smooth];
  }

  /** Forgets, for when the person is lost. */
  reset(): void {
    this.raw = null;
  }
}
