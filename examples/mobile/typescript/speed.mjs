// Processor time of the code around the network in Node, in ms: node speed.mjs

import { readFileSync } from "node:fs";
import * as mhp from "./dist/index.js";

const golden = JSON.parse(readFileSync(new URL("../golden.json", import.meta.url), "utf8"));
const fields = { ...golden.model, grid_cells: [32, 32, 32] };
fields.input = { ...fields.input, shape: [1, 3, 256, 256] };
fields.outputs = [{ name: "heatmaps", shape: [1, 21 * 32, 32, 32], meaning: "heatmaps" }];
const model = mhp.readModel(JSON.stringify(fields));

function median(act) {
  const times = [];
  for (let round = 0; round < 40; round++) {
    const started = process.cpuUsage();
    act();
    const { user, system } = process.cpuUsage(started);
    times.push((user + system) / 1000);
  }
  return times.slice(10).sort((a, b) => a - b)[15].toFixed(2); // the first ten warm the compiler
}

for (const [width, height] of [[1280, 720], [1920, 1080]]) {
  const bytes = Uint8Array.from({ length: width * height * 4 }, (_, i) => (i * 7919) >> 5);
  const frame = mhp.frameOf(bytes, width, height, "RGBA");
  for (const side of [400, height]) {
    const affine = mhp.cropAffine({ x: 100, y: 0, width: side, height: side }, 256);
    const time = median(() => mhp.warpCrop(frame, affine, 256));
    console.log(`crop of ${side} px from ${width} × ${height} RGBA: ${time}`);
  }
  const [y, chroma] = [bytes.subarray(0, width * height), bytes.subarray(width * height)];
  const time = median(() => mhp.rgbFromYuv(y, chroma, chroma, width, height, width, width, 2));
  console.log(`YUV to RGB of ${width} × ${height}: ${time}`);
}
const crop = new Uint8Array(256 * 256 * 3);
console.log(`crop to a float32 tensor: ${median(() => mhp.toInput(crop, model))}`);
const heatmaps = Float32Array.from({ length: 21 * 32 ** 3 }, (_, i) => ((i * 7919) % 1009) / 100);
for (const position of ["mean", "peak"]) {
  const file = mhp.readModel(JSON.stringify({ ...fields, position }));
  const time = median(() => mhp.softArgmax(heatmaps, file));
  console.log(`heat-maps of 21 joints × 32³ to cells, ${position}: ${time}`);
}
const { camera, keypoints_px, depth_mm, scores } = golden.placements[0];
const [fx, fy, cx, cy] = camera;
const place = () => mhp.placeInCamera(keypoints_px, depth_mm, scores, model, { fx, fy, cx, cy });
console.log(`placement in camera space: ${median(place)}`);
