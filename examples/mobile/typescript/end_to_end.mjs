// A whole look with ONNX Runtime on a photo's raw bytes, as an app would take it.
//
//     node end_to_end.mjs REQUEST.json ANSWER.json
//
// ../end_to_end.py writes the request, runs this, and compares the answer with the package's.

import { readFileSync, writeFileSync } from "node:fs";
import * as ort from "onnxruntime-web";
import * as mhp from "./dist/index.js";

const [requestPath, answerPath] = process.argv.slice(2);
const request = JSON.parse(readFileSync(requestPath, "utf8"));
const model = mhp.readModel(readFileSync(request.model_json, "utf8"));
const frame = mhp.frameOf(readFileSync(request.rgb), request.width, request.height, "RGB");
const { fx, fy, cx, cy } = mhp.cameraFromFov(request.fov_degrees, frame.width, frame.height);
const camera = { fx, fy, cx, cy };

ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(readFileSync(request.model_file));
const timesMs = { crop: [], network: [], decode: [] };

async function look(view) {
  const started = performance.now();
  const affine = mhp.viewAffine(view, model.cropPx);
  const input = mhp.toInput(mhp.warpCrop(frame, affine, model.cropPx), model);
  const cropped = performance.now();
  const answers = await session.run({
    [model.input.name]: new ort.Tensor(model.input.dtype, input, model.input.shape),
  });
  const inferred = performance.now();
  const tensor = (meaning) => {
    const output = model.outputs.find((one) => one.meaning === meaning);
    return output && answers[output.name].data;
  };
  const heatmaps = tensor("heatmaps");
  const { cells, scores } = heatmaps
    ? mhp.softArgmax(heatmaps, model)
    : mhp.listJoints(tensor("cells"), tensor("scores"));
  const { keypointsPx, depthMm } = mhp.cellsToPhoto(cells, affine, model);
  const keypointsMm = mhp.placeInCamera(keypointsPx, depthMm, scores, model, camera);
  timesMs.crop.push(cropped - started);
  timesMs.network.push(inferred - cropped);
  timesMs.decode.push(performance.now() - inferred);
  return { cells, scores, keypointsPx, keypointsMm };
}

const views = request.views.map(([x, y, width, height, leanDegrees]) => ({
  square: { x, y, width, height },
  leanDegrees,
}));
for (let warmUp = 0; warmUp < 20; warmUp++) await look(views[0]);
for (const times of Object.values(timesMs)) times.length = 0;
const looks = [];
for (const view of views) looks.push(await look(view));
for (let more = 0; more < 50; more++) await look(views[0]);
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];
const medianMs = Object.fromEntries(Object.entries(timesMs).map(([k, v]) => [k, median(v)]));
writeFileSync(answerPath, JSON.stringify({ looks, median_ms: medianMs }));
