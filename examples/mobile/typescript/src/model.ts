// The JSON beside a model file, and what it asks for: how crops become the network's input.

export interface ModelFile {
  name: string;
  /** The model's file, beside the JSON. */
  file: string;
  input: {
    name: string;
    /** [1, P, P, 3] for NHWC, [1, 3, P, P] for NCHW. */
    shape: number[];
    layout: "NHWC" | "NCHW";
    dtype: "uint8" | "float32";
    /** The app feeds (pixel − mean) / std; 0 and 1 where the graph scales by itself. */
    mean: number[];
    std: number[];
  };
  outputs: { name: string; shape: number[]; meaning: "cells" | "scores" | "heatmaps" }[];
  /** Side of the square crop. */
  cropPx: number;
  /** Cells along x, y and z. */
  gridCells: number[];
  depthRangeMm: number;
  /** How heat-maps become positions, and what the peak takes. */
  position: "mean" | "peak";
  peakSigmaCells: number;
  peakPower: number;
  scoreRadiusCells: number;
  scoreSureMass: number;
  joints: string[];
  edges: number[][];
  /** Pairs of joints that change places when the picture is mirrored. */
  flipPairs: number[][];
  /** Index of the joint whose depth is zero. */
  root: number;
}

/** Reads the JSON's text. Throws an Error that names the field if something cannot be. */
export function readModel(json: string): ModelFile {
  const fields = JSON.parse(json);
  const must = (holds: boolean, field: string, value: unknown): void => {
    if (!holds) throw new Error(`model JSON: field ${field} is ${JSON.stringify(value)}`);
  };
  must(fields.format === "mobilehumanpose-model", "format", fields.format);
  must(fields.format_version === 1, "format_version", fields.format_version);
  const { input, outputs, joints } = fields;
  must(input.layout === "NHWC" || input.layout === "NCHW", "input.layout", input.layout);
  must(input.dtype === "uint8" || input.dtype === "float32", "input.dtype", input.dtype);
  must(input.color === "RGB", "input.color", input.color);
  const cropPx = input.shape[2];
  const shape = input.layout === "NHWC" ? [1, cropPx, cropPx, 3] : [1, 3, cropPx, cropPx];
  must(String(shape) === String(input.shape), "input.shape", input.shape);
  const asItIs = String(input.mean) === "0,0,0" && String(input.std) === "1,1,1";
  must(input.dtype === "float32" || asItIs, "input.mean and std of uint8", input);
  const meanings = outputs.map((output: { meaning: string }) => output.meaning).sort();
  must(["cells,scores", "heatmaps"].includes(String(meanings)), "outputs", meanings);
  must(fields.grid_cells.length === 3, "grid_cells", fields.grid_cells);
  // Files that do not say it are of a time when there was only the mean.
  const position = fields.position ?? "mean";
  must(position === "mean" || position === "peak", "position", position);
  for (const field of position === "peak" ? ["peak_sigma_cells", "peak_power"] : []) {
    must(fields[field] > 0, field, fields[field]);
  }
  const root = joints.indexOf(fields.root);
  must(root >= 0, "root", fields.root);
  return {
    name: fields.name,
    file: fields.file,
    input,
    outputs,
    cropPx,
    gridCells: fields.grid_cells,
    depthRangeMm: fields.depth_range_mm,
    position,
    peakSigmaCells: fields.peak_sigma_cells,
    peakPower: fields.peak_power,
    scoreRadiusCells: fields.score_radius_cells,
    scoreSureMass: fields.score_sure_mass,
    joints,
    edges: fields.edges,
    flipPairs: fields.flip_pairs,
    root,
  };
}

/** A crop, P × P × 3 RGB bytes, as the network's input tensor. */
export function toInput(crop: Uint8Array, model: ModelFile): Uint8Array | Float32Array {
  const { layout, dtype, mean, std } = model.input;
  const pixels = model.cropPx * model.cropPx;
  const input = dtype === "uint8" ? new Uint8Array(3 * pixels) : new Float32Array(3 * pixels);
  const pixelStride = layout === "NHWC" ? 3 : 1;
  const channelStride = layout === "NHWC" ? 1 : pixels;
  for (let channel = 0; channel < 3; channel++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      input[pixel * pixelStride + channel * channelStride] =
        (crop[3 * pixel + channel] - mean[channel]) / std[channel];
    }
  }
  return input;
}
