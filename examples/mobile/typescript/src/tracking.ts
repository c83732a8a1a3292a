// One person over the frames of a camera: where to look next, and how to calm what is seen.

import { type Affine, BOX_MARGIN, type Box, cropAffine, tightBox } from "./geometry.ts";
import type { ModelFile } from "./model.ts";

/** People who lean by less are shown upright enough. */
export const MAX_LEAN_DEGREES = 20;

/** Joints that lie within this are no person's extent. */
export const MIN_SIDE_PX = 8;

/** A person is lost whose mean score falls below this, and found from FIND_SCORE on. */
export const KEEP_SCORE = 0.3;
export const FIND_SCORE = 0.47;

/** A square of the photo, turned clockwise: what leans by so much stands upright in it. */
export interface CropView {
  square: Box;
  leanDegrees: number;
}

/** How a view lies about the square around the joints that are seen in it. */
export interface Framing {
  /** The view's side by that of the square. */
  scale: number;
  /** From the square's centre to the view's, in sides of the square, along the view's own axes. */
  offset: number[];
}

/** People are followed in views that end where they do. */
export const TIGHT: Framing = { scale: 1, offset: [0, 0] };

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
  const box = tightBox(pointsPx.map((point) => turned(point, -leanDegrees)));
  const [x, y] = turned([box.x + box.width / 2, box.y + box.height / 2], leanDegrees);
  const side = Math.max(box.width, box.height) * BOX_MARGIN;
  return { x: x - side / 2, y: y - side / 2, width: side, height: side };
}

/** A point turned clockwise about (0, 0). */
function turned([x, y]: number[], degrees: number): number[] {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [cos * x - sin * y, sin * x + cos * y];
}

/** The square around all joints; null where they have no extent. */
function squareAround(keypointsPx: number[][], leanDegrees: number): Box | null {
  const square = turnedSquare(keypointsPx, leanDegrees);
  return square.width >= MIN_SIDE_PX ? square : null;
}

/**
 * How to go on looking at what was found in `view`, in a picture of this size.
 *
 * TIGHT, but for a portrait: what was found in a view larger than the picture is understood in
 * such a view only. In a tight one collar and chest would be taken for a whole body, and the view
 * would shrink with every frame.
 */
export function framingOf(
  view: CropView,
  keypointsPx: number[][],
  width: number,
  height: number,
): Framing {
  const around = squareAround(keypointsPx, view.leanDegrees);
  const side = view.square.width;
  if (around === null || side <= Math.max(width, height)) return TIGHT;
  const further = (side - around.width) / 2;
  const shift = [view.square.x - around.x + further, view.square.y - around.y + further];
  return {
    scale: side / around.width,
    offset: turned(shift, -view.leanDegrees).map((px) => px / around.width),
  };
}

/**
 * Where to look in the next frame, by what was seen in `view`: about all joints, turned as the
 * torso leans where that has changed; the same again where the joints have no extent.
 */
export function nextView(
  view: CropView,
  keypointsPx: number[][],
  framing: Framing,
  model: ModelFile,
): CropView {
  const lean = torsoLeanDegrees(keypointsPx, model);
  let leanDegrees = view.leanDegrees;
  if (lean !== null) {
    const off = ((((lean - leanDegrees + 180) % 360) + 360) % 360) - 180;
    if (Math.abs(off) > MAX_LEAN_DEGREES) leanDegrees = lean;
  }
  const around = squareAround(keypointsPx, leanDegrees);
  if (around === null) return view;
  const [right, down] = turned(framing.offset, leanDegrees);
  const side = around.width * framing.scale;
  const x = around.x + around.width * (0.5 + right) - side / 2;
  const y = around.y + around.width * (0.5 + down) - side / 2;
  return { square: { x, y, width: side, height: side }, leanDegrees };
}

export function meanScore(scores: number[]): number {
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/** Follows one person: says where to look in each frame, and learns from what was seen there. */
export class Tracker {
  private tracked: CropView | null = null;
  private framing = TIGHT;
  private searched = 0;
  private readonly searches: CropView[];

  /** For frames of this size, as they are held upright. */
  constructor(
    private readonly model: ModelFile,
    private readonly width: number,
    private readonly height: number,
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
    this.framing = TIGHT;
  }

  /** Takes in what was seen in `view`. False where that is nobody: draw nothing then. */
  see(keypointsPx: number[][], scores: number[]): boolean {
    const view = this.view;
    const score = meanScore(scores);
    if (this.tracked === null) {
      if (score < FIND_SCORE) {
        this.searched++;
        return false;
      }
      this.framing = framingOf(view, keypointsPx, this.width, this.height);
    } else if (score < KEEP_SCORE) {
      this.tracked = null;
      this.searched = 0;
      return false;
    }
    this.tracked = nextView(view, keypointsPx, this.framing, this.model);
    if (this.tracked.square.width <= Math.max(this.width, this.height)) {
      this.framing = TIGHT; // a portrait whose person has stepped back
    }
    return true;
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
