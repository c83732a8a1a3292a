// The numbers of golden.json, which the Python package made, from this code.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as mhp from "../dist/index.js";

const golden = JSON.parse(readFileSync(new URL("../../golden.json", import.meta.url), "utf8"));
const model = mhp.readModel(JSON.stringify(golden.model));

function close(actual, expected, tolerance = 2e-6, where = "") {
  if (Array.isArray(expected)) {
    assert.equal(actual?.length, expected.length, `length of ${where || "all"}`);
    expected.forEach((value, i) => close(actual[i], value, tolerance, `${where}[${i}]`));
  } else if (expected === null) {
    assert.equal(actual, null, where);
  } else {
    const bound = tolerance * Math.max(1, Math.abs(expected));
    assert.ok(Math.abs(actual - expected) <= bound, `${where}: ${actual}, not ${expected}`);
  }
}

const boxOf = ([x, y, width, height]) => ({ x, y, width, height });
const listed = (box) => box && [box.x, box.y, box.width, box.height];
const viewOf = ([x, y, width, height, leanDegrees]) => ({
  square: { x, y, width, height },
  leanDegrees,
});
const closeView = (view, expected) => close([...listed(view.square), view.leanDegrees], expected);
const cameraOf = ([fx, fy, cx, cy]) => ({ fx, fy, cx, cy });

/** The same waves as make_golden.picture, with any bytes a pixel and any padding of rows. */
function picture(width, height, order, padding = 0) {
  const size = order.length;
  const bytesPerRow = width * size + padding;
  const bytes = new Uint8Array(bytesPerRow * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        const value = Math.abs((((5 + c) * x + (3 + 2 * c) * y + 90 * c) % 510) - 255);
        bytes[y * bytesPerRow + x * size + order.indexOf("RGB"[c])] = value;
      }
    }
  }
  return mhp.frameOf(bytes, width, height, order, bytesPerRow);
}

test("a model's JSON is read", () => {
  assert.equal(model.cropPx, 24);
  assert.equal(model.joints[model.root], "Pelvis");
  assert.deepEqual(model.gridCells, golden.model.grid_cells);
});

for (const [field, value] of [
  ["format", "other"],
  ["format_version", 2],
  ["root", "Tail"],
  ["position", "middle"],
  ["grid_cells", [32, 32]],
  ["input", { ...golden.model.input, layout: "CHWN" }],
  ["input", { ...golden.model.input, dtype: "int8" }],
  ["input", { ...golden.model.input, dtype: "uint8" }],
  ["input", { ...golden.model.input, color: "BGR" }],
  ["input", { ...golden.model.input, shape: [1, 24, 24, 3] }],
  ["outputs", [{ name: "cells", shape: [1, 21, 3], meaning: "cells" }]],
]) {
  test(`a model's JSON with ${field} ${JSON.stringify(value).slice(0, 40)}… is refused`, () => {
    const changed = JSON.stringify({ ...golden.model, [field]: value });
    assert.throws(() => mhp.readModel(changed), new RegExp(`field ${field}`));
  });
}

test("a peak needs its smoothing", () => {
  const changed = { ...golden.model, position: "peak", peak_sigma_cells: undefined };
  assert.throws(() => mhp.readModel(JSON.stringify(changed)), /field peak_sigma_cells/);
});

test("boxes become squares", () => {
  for (const { box, size, square } of golden.boxes) {
    close(listed(mhp.processBox(boxOf(box), ...size)), square);
  }
});

test("squares become maps to crops, and back", () => {
  for (const { box, crop_px, degrees, affine, inverse } of golden.affines) {
    const map = mhp.cropAffine(boxOf(box), crop_px, degrees);
    close(map, affine);
    close(mhp.invertAffine(map), inverse);
    close(mhp.composeAffine(map, mhp.invertAffine(map)), [1, 0, 0, 0, 1, 0]);
  }
});

test("a sensor's frame is turned upright", () => {
  for (const { degrees, size, sensor, upright } of golden.upright) {
    const map = mhp.uprightFromSensor(degrees, ...size);
    close(sensor.map((point) => mhp.applyAffine(map, point)), upright);
  }
  assert.throws(() => mhp.uprightFromSensor(45, 7, 5), /rotation 45/);
});

test("crops are within 1 grey level of OpenCV's, 0.01 on average", () => {
  for (const { size, crop_px, affine, crop } of golden.warps) {
    const expected = Buffer.from(crop, "hex");
    for (const [order, padding] of [["RGB", 0], ["RGBA", 12], ["BGRA", 0]]) {
      const found = mhp.warpCrop(picture(...size, order, padding), affine, crop_px);
      assert.equal(found.length, expected.length);
      const off = Array.from(found, (value, i) => Math.abs(value - expected[i]));
      assert.ok(Math.max(...off) <= 1, `${size} ${order}: ${Math.max(...off)}`);
      assert.ok(off.reduce((a, b) => a + b) / off.length <= 0.01, `${size} ${order}: mean`);
    }
  }
});

test("a frame with too few bytes is refused", () => {
  assert.throws(() => mhp.frameOf(new Uint8Array(99), 10, 10, "RGBA"), /99 bytes/);
});

test("YUV becomes RGB", () => {
  const { size, y, u, v, rgb } = golden.yuv;
  const [width, height] = size;
  const planar = mhp.rgbFromYuv(
    Uint8Array.from(y), Uint8Array.from(u), Uint8Array.from(v), width, height, width, width / 2, 1,
  );
  rgb.forEach((value, i) => assert.ok(Math.abs(planar.bytes[i] - value) <= 1, `${i}`));
  const both = Uint8Array.from(u.flatMap((value, i) => [value, v[i]]));
  const shared = mhp.rgbFromYuv(
    Uint8Array.from(y), both, both.subarray(1), width, height, width, width, 2,
  );
  assert.deepEqual(shared.bytes, planar.bytes);
});

test("a crop becomes the input that the model asks for", () => {
  const crop = picture(24, 24, "RGB").bytes;
  const nchw = mhp.toInput(crop, model);
  const plane = 24 * 24;
  const row = (channel) => Array.from(nchw.slice(channel * plane + 24, channel * plane + 29));
  close([0, 1, 2].map(row), golden.input.nchw);
  close(nchw.reduce((a, b) => a + b), golden.input.sum, 1e-4);
  const input = { ...golden.model.input, shape: [1, 24, 24, 3], layout: "NHWC" };
  const nhwc = mhp.toInput(crop, mhp.readModel(JSON.stringify({ ...golden.model, input })));
  for (let i = 0; i < nhwc.length; i++) assert.equal(nhwc[i], nchw[(i % 3) * plane + ((i / 3) | 0)]);
  const bytes = { ...input, dtype: "uint8", mean: [0, 0, 0], std: [1, 1, 1] };
  const same = mhp.toInput(crop, mhp.readModel(JSON.stringify({ ...golden.model, input: bytes })));
  assert.deepEqual(same, crop);
});

test("heat-maps of either layout become cells and scores", () => {
  const [width, height, depth] = golden.model.grid_cells;
  const channels = 21 * depth;
  const values = new Float32Array(channels * width * height);
  for (let i = 0; i < values.length; i++) values[i] = ((i * 7919) % 1009) ** 2 / 65536;
  values[golden.heatmaps.sure_index] = 60;
  for (const position of ["mean", "peak"]) {
    const file = mhp.readModel(JSON.stringify({ ...golden.model, position }));
    const joints = mhp.softArgmax(values, file);
    close(joints.cells, golden.heatmaps[position].cells, 1e-5);
    close(joints.scores, golden.heatmaps[position].scores, 1e-5);
  }
  const found = mhp.softArgmax(values, model);
  const outputs = [{ name: "heatmaps", shape: [1, height, width, channels], meaning: "heatmaps" }];
  const plane = width * height;
  const nhwc = values.map((_, i) => values[(i % channels) * plane + Math.floor(i / channels)]);
  const other = mhp.readModel(JSON.stringify({ ...golden.model, outputs }));
  assert.deepEqual(mhp.softArgmax(nhwc, other), found);
});

test("cells become pixels and millimetres", () => {
  const { cells, affine, keypoints_px, depth_mm } = golden.photo;
  const found = mhp.cellsToPhoto(cells, affine, model);
  close(found.keypointsPx, keypoints_px);
  close(found.depthMm, depth_mm);
});

test("cameras follow from a field of view", () => {
  for (const { degrees, size, camera } of golden.cameras) {
    const { fx, fy, cx, cy } = mhp.cameraFromFov(degrees, ...size);
    close([fx, fy, cx, cy], camera);
  }
});

test("a pose is moved onto its 2D joints", () => {
  for (const { camera, relative_mm, keypoints_px, weights, translation_mm } of golden.translations) {
    close(mhp.fitTranslation(keypoints_px, relative_mm, cameraOf(camera), weights), translation_mm);
  }
  const one = golden.translations[0];
  const nowhere = one.keypoints_px.map(() => [5, 5]);
  assert.throws(
    () => mhp.fitTranslation(nowhere, one.relative_mm, cameraOf(one.camera), one.weights),
    /different pixels/,
  );
});

test("a person is placed by stature", () => {
  for (const place of golden.placements) {
    const found = mhp.placeInCamera(
      place.keypoints_px, place.depth_mm, place.scores, model, cameraOf(place.camera),
      place.stature_mm,
    );
    close(found, place.keypoints_mm);
  }
});

test("a person is looked for in the same squares", () => {
  for (const { size, squares } of golden.searches) {
    close(mhp.searchViews(...size).map((view) => listed(view.square)), squares);
  }
});

test("the next view follows from the pose", () => {
  for (const { view, keypoints_px, lean_degrees, next } of golden.next_views) {
    close(mhp.torsoLeanDegrees(keypoints_px, model), lean_degrees);
    closeView(mhp.nextView(viewOf(view), keypoints_px, mhp.TIGHT, model), next);
  }
});

test("the thresholds are the package's", () => {
  assert.deepEqual(golden.thresholds, {
    keep_score: mhp.KEEP_SCORE,
    find_score: mhp.FIND_SCORE,
    max_lean_degrees: mhp.MAX_LEAN_DEGREES,
    min_side_px: mhp.MIN_SIDE_PX,
  });
});

test("a portrait keeps the framing in which it was found", () => {
  for (const { size, view, keypoints_px, framing, next, back_px, back, tight } of golden.portraits) {
    const found = mhp.framingOf(viewOf(view), keypoints_px, ...size);
    close([found.scale, ...found.offset], framing);
    closeView(mhp.nextView(viewOf(view), keypoints_px, found, model), next);
    closeView(mhp.nextView(viewOf(next), back_px, found, model), back);
    closeView(mhp.nextView(viewOf(back), back_px, mhp.TIGHT, model), tight);
  }
});

test("a tracker searches, follows, and searches again", () => {
  const { keypoints_px } = golden.next_views[0];
  const all = (score) => keypoints_px.map(() => score);
  const tracker = new mhp.Tracker(model, 640, 480);
  const searches = mhp.searchViews(640, 480);
  for (let i = 0; i < searches.length + 2; i++) {
    assert.deepEqual(tracker.view, searches[i % searches.length]);
    assert.equal(tracker.see(keypoints_px, all(mhp.FIND_SCORE - 0.01)), false);
  }
  const followed = mhp.nextView(tracker.view, keypoints_px, mhp.TIGHT, model);
  assert.equal(tracker.see(keypoints_px, all(mhp.FIND_SCORE + 0.01)), true);
  assert.deepEqual(tracker.view, followed);
  assert.equal(tracker.see(keypoints_px, all(mhp.KEEP_SCORE + 0.01)), true);
  assert.deepEqual(tracker.view, followed);
  assert.equal(tracker.see(keypoints_px, all(mhp.KEEP_SCORE - 0.01)), false);
  assert.deepEqual(tracker.view, searches[0]);
  const square = { x: 1, y: 2, width: 30, height: 30 };
  tracker.follow(square);
  assert.deepEqual(tracker.view, { square, leanDegrees: 0 });
  assert.equal(tracker.see(keypoints_px, all(mhp.KEEP_SCORE + 0.01)), true);
});

test("a tracker follows a portrait until the person steps back", () => {
  for (const portrait of golden.portraits.filter(({ view }) => view[4] === 0)) {
    const { keypoints_px, back_px } = portrait;
    const tracker = new mhp.Tracker(model, ...portrait.size);
    const see = (keypointsPx, score) => tracker.see(keypointsPx, keypointsPx.map(() => score));
    for (let i = 0; i < portrait.search; i++) assert.equal(see(keypoints_px, 0), false);
    for (const [before, keypointsPx] of [
      [portrait.view, keypoints_px],
      [portrait.next, keypoints_px],
      [portrait.next, back_px],
      [portrait.back, back_px],
    ]) {
      closeView(tracker.view, before);
      assert.equal(see(keypointsPx, 0.9), true);
    }
    closeView(tracker.view, portrait.tight);
  }
});

test("mirrored joints are put back", () => {
  const { mirrored_px, width, keypoints_px } = golden.flips;
  close(mhp.flipJoints(mhp.flipPointsPx(mirrored_px, width), model), keypoints_px);
});

test("values are smoothed", () => {
  const { constants, size, times_s, values, smooth } = golden.one_euro;
  const filter = new mhp.OneEuro();
  assert.deepEqual([filter.minCutoffHz, filter.beta, filter.speedCutoffHz], constants);
  close(times_s.map((time, i) => filter.filter(values[i], time, size)), smooth);
  assert.throws(() => filter.filter(values[0], times_s[0], size), /does not come after/);
  filter.reset();
  close(filter.filter(values[0], times_s[0], size), values[0]);
});
