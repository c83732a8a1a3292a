// The numbers of golden.json, which the Python package made, from this code. Argument: its path.

import Foundation

typealias Fields = [String: Any]

let golden = try JSONSerialization.jsonObject(
    with: Data(contentsOf: URL(fileURLWithPath: CommandLine.arguments[1]))) as! Fields
let modelFields = golden["model"] as! Fields
let inputFields = modelFields["input"] as! Fields
let model = try modelWith([:])

func modelWith(_ changes: Fields) throws -> ModelFile {
    let fields = modelFields.merging(changes) { $1 }
    return try readModel(JSONSerialization.data(withJSONObject: fields))
}

func inputWith(_ changes: Fields) -> Fields {
    ["input": inputFields.merging(changes) { $1 }]
}

func cases(_ name: String) -> [Fields] { golden[name] as! [Fields] }

extension Dictionary where Key == String, Value == Any {
    func number(_ name: String) -> Double { (self[name] as! NSNumber).doubleValue }
    func numbers(_ name: String) -> [Double]? { (self[name] as? [NSNumber])?.map(\.doubleValue) }
    func ints(_ name: String) -> [Int] { (self[name] as! [NSNumber]).map(\.intValue) }
    func points(_ name: String) -> [[Double]] {
        (self[name] as! [[NSNumber]]).map { $0.map(\.doubleValue) }
    }
    func box(_ name: String) -> Box {
        let n = numbers(name)!
        return Box(x: n[0], y: n[1], width: n[2], height: n[3])
    }
    func view(_ name: String) -> CropView {
        CropView(square: box(name), leanDegrees: numbers(name)![4])
    }
    func camera() -> Camera {
        let n = numbers("camera")!
        return Camera(fx: n[0], fy: n[1], cx: n[2], cy: n[3])
    }
    func affine() -> Affine {
        let n = numbers("affine")!
        return Affine(n[0], n[1], n[2], n[3], n[4], n[5])
    }
}

func check(_ holds: Bool, _ what: @autoclosure () -> String) throws {
    if !holds { throw PoseError(what()) }
}

func close(_ actual: [Double]?, _ expected: [Double]?, _ tolerance: Double = 2e-6) throws {
    guard let expected else { return try check(actual == nil, "\(actual ?? []), not nil") }
    try check(actual?.count == expected.count, "\(actual ?? []), not \(expected)")
    for (a, e) in zip(actual!, expected) {
        try check(abs(a - e) <= tolerance * max(1, abs(e)), "\(a), not \(e)")
    }
}

func close(_ actual: [[Double]], _ expected: [[Double]], _ tolerance: Double = 2e-6) throws {
    try check(actual.count == expected.count, "\(actual.count) points, not \(expected.count)")
    for (a, e) in zip(actual, expected) { try close(a, e, tolerance) }
}

func refused(_ pattern: String, _ act: () throws -> Void) throws {
    do {
        try act()
    } catch {
        return try check("\(error)".contains(pattern), "'\(pattern)': \(error)")
    }
    throw PoseError("'\(pattern)': no error")
}

func listed(_ box: Box) -> [Double] { [box.x, box.y, box.width, box.height] }
func listed(_ view: CropView) -> [Double] { listed(view.square) + [view.leanDegrees] }
func listed(_ m: Affine) -> [Double] { [m.a, m.b, m.c, m.d, m.e, m.f] }

/// The same waves as make_golden.picture, with any bytes a pixel and any padding of rows.
func picture(_ width: Int, _ height: Int, _ order: String, padding: Int = 0) throws -> Frame {
    let letters = Array(order)
    let bytesPerRow = width * letters.count + padding
    var bytes = [UInt8](repeating: 0, count: bytesPerRow * height)
    for y in 0..<height {
        for x in 0..<width {
            for (c, letter) in "RGB".enumerated() {
                let value = abs(((5 + c) * x + (3 + 2 * c) * y + 90 * c) % 510 - 255)
                bytes[y * bytesPerRow + x * letters.count + letters.firstIndex(of: letter)!] = UInt8(value)
            }
        }
    }
    return try Frame(bytes: bytes, width: width, height: height, order: order, bytesPerRow: bytesPerRow)
}

func floats(_ data: Data) -> [Float] { data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) } }

func testModel() throws {
    try check(model.cropPx == 24 && model.joints[model.root] == "Pelvis", "fields")
    let cells: Fields = ["name": "cells", "shape": [1, 21, 3], "meaning": "cells"]
    let impossible: [(String, Fields)] = [
        ("field format ", ["format": "other"]),
        ("field format_version", ["format_version": 2]),
        ("field root", ["root": "Tail"]),
        ("field root", ["root": NSNull()]),
        ("field position", ["position": "middle"]),
        ("field peak_sigma_cells", ["position": "peak", "peak_sigma_cells": 0]),
        ("field grid_cells", ["grid_cells": [32, 32]]),
        ("field input.layout", inputWith(["layout": "CHWN"])),
        ("field input.dtype", inputWith(["dtype": "int8"])),
        ("field input.mean", inputWith(["dtype": "uint8"])),
        ("field input.color", inputWith(["color": "BGR"])),
        ("field input.shape", inputWith(["shape": [1, 24, 24, 3]])),
        ("field outputs", ["outputs": [cells]]),
    ]
    for (pattern, changes) in impossible {
        try refused(pattern) { _ = try modelWith(changes) }
    }
}

func testGeometry() throws {
    for one in cases("boxes") {
        let size = one.ints("size")
        let square = processBox(one.box("box"), imageWidth: size[0], imageHeight: size[1])
        try close(square.map(listed), one.numbers("square"))
    }
    for one in cases("affines") {
        let affine = cropAffine(
            one.box("box"), cropPx: Int(one.number("crop_px")), rotationDegrees: one.number("degrees"))
        try close(listed(affine), one.numbers("affine"))
        try close(listed(invertAffine(affine)), one.numbers("inverse"))
        try close(listed(composeAffine(affine, invertAffine(affine))), [1, 0, 0, 0, 1, 0])
    }
    for one in cases("upright") {
        let size = one.ints("size")
        let affine = try uprightFromSensor(Int(one.number("degrees")), width: size[0], height: size[1])
        try close(one.points("sensor").map { applyAffine(affine, $0) }, one.points("upright"))
    }
    try refused("rotation 45") { _ = try uprightFromSensor(45, width: 7, height: 5) }
    for one in cases("cameras") {
        let size = one.ints("size")
        let camera = cameraFromFov(one.number("degrees"), width: size[0], height: size[1])
        try close([camera.fx, camera.fy, camera.cx, camera.cy], one.numbers("camera"))
    }
    for one in cases("translations") {
        let keypointsPx = one.points("keypoints_px")
        func fit(_ pointsPx: [[Double]]) throws -> [Double] {
            try fitTranslation(
                pointsPx, relativeMm: one.points("relative_mm"), camera: one.camera(),
                weights: one.numbers("weights")!)
        }
        try close(fit(keypointsPx), one.numbers("translation_mm"))
        try refused("different pixels") { _ = try fit(keypointsPx.map { _ in [5, 5] }) }
    }
}

func testFrame() throws {
    for one in cases("warps") {
        let size = one.ints("size")
        let hex = Array(one["crop"] as! String)
        let expected = stride(from: 0, to: hex.count, by: 2).map { Int(String(hex[$0...$0 + 1]), radix: 16)! }
        for (order, padding) in [("RGB", 0), ("RGBA", 12), ("BGRA", 0)] {
            let frame = try picture(size[0], size[1], order, padding: padding)
            let crop = try warpCrop(frame, one.affine(), cropPx: Int(one.number("crop_px")))
            try check(crop.count == expected.count, "\(crop.count) bytes")
            let off = zip(crop, expected).map { abs(Int($0) - $1) }
            let mean = Double(off.reduce(0, +)) / Double(off.count)
            try check(off.max()! <= 1 && mean <= 0.01, "\(size) \(order): \(off.max()!) \(mean)")
        }
    }
    try refused("99 bytes") {
        _ = try Frame(bytes: [UInt8](repeating: 0, count: 99), width: 10, height: 10, order: "RGBA")
    }
    let yuv = golden["yuv"] as! Fields
    let (width, height) = (yuv.ints("size")[0], yuv.ints("size")[1])
    let (y, u, v) = (yuv.ints("y").map { UInt8($0) }, yuv.ints("u").map { UInt8($0) }, yuv.ints("v").map { UInt8($0) })
    let planar = try rgbFromYuv(
        y: y, u: u, v: v, width: width, height: height,
        yBytesPerRow: width, uvBytesPerRow: width / 2, uvBytesPerPixel: 1)
    for (found, expected) in zip(planar.bytes, yuv.ints("rgb")) {
        try check(abs(Int(found) - expected) <= 1, "RGB \(found), not \(expected)")
    }
    let both = zip(u, v).flatMap { [$0, $1] }
    let shared = try rgbFromYuv(
        y: y, u: both, v: Array(both.dropFirst()), width: width, height: height,
        yBytesPerRow: width, uvBytesPerRow: width, uvBytesPerPixel: 2)
    try check(shared.bytes == planar.bytes, "shared planes")
}

func testInput() throws {
    let crop = try picture(24, 24, "RGB").bytes
    let plane = 24 * 24
    let expected = golden["input"] as! Fields
    let nchw = floats(toInput(crop, model: model))
    try close((0..<3).map { c in (0..<5).map { Double(nchw[c * plane + 24 + $0]) } }, expected.points("nchw"))
    try close([nchw.reduce(0) { $0 + Double($1) }], [expected.number("sum")], 1e-4)
    let layout: Fields = ["shape": [1, 24, 24, 3], "layout": "NHWC"]
    let nhwc = floats(toInput(crop, model: try modelWith(inputWith(layout))))
    try check(nhwc == nhwc.indices.map { nchw[$0 % 3 * plane + $0 / 3] }, "layout")
    let asItIs = layout.merging(["dtype": "uint8", "mean": [0, 0, 0], "std": [1, 1, 1]]) { $1 }
    try check(toInput(crop, model: try modelWith(inputWith(asItIs))) == Data(crop), "bytes")
}

func testDecode() throws {
    let (width, height, depth) = (model.gridCells[0], model.gridCells[1], model.gridCells[2])
    let channels = 21 * depth
    let plane = width * height
    var values = (0..<(channels * plane)).map { i in
        let wave = Float(i * 7919 % 1009)
        return wave * wave / 65536
    }
    let expected = golden["heatmaps"] as! Fields
    values[Int(expected.number("sure_index"))] = 60
    let output: Fields = ["name": "heatmaps", "shape": [1, height, width, channels], "meaning": "heatmaps"]
    let nhwc = values.indices.map { values[$0 % channels * plane + $0 / channels] }
    for found in [
        softArgmax(values, model: model),
        softArgmax(nhwc, model: try modelWith(["outputs": [output]])),
    ] {
        let mean = expected["mean"] as! Fields
        try close(found.cells, mean.points("cells"), 1e-5)
        try close(found.scores, mean.numbers("scores"), 1e-5)
    }
    let peak = softArgmax(values, model: try modelWith(["position": "peak"]))
    let expectedPeak = expected["peak"] as! Fields
    try close(peak.cells, expectedPeak.points("cells"), 1e-5)
    try close(peak.scores, expectedPeak.numbers("scores"), 1e-5)
    let joints = listJoints(cells: (0..<63).map(Float.init), scores: (0..<21).map { Float($0) / 21 })
    try close(joints.cells[20], [60, 61, 62])
    try close([joints.scores[7]], [1.0 / 3.0])
    let photo = golden["photo"] as! Fields
    let found = cellsToPhoto(photo.points("cells"), affine: photo.affine(), model: model)
    try close(found.keypointsPx, photo.points("keypoints_px"))
    try close(found.depthMm, photo.numbers("depth_mm"))
    for one in cases("placements") {
        let placed = try placeInCamera(
            one.points("keypoints_px"), depthMm: one.numbers("depth_mm")!,
            scores: one.numbers("scores")!, model: model, camera: one.camera(),
            statureMm: one.number("stature_mm"))
        try close(placed, one.points("keypoints_mm"))
    }
}

func testTracking() throws {
    let thresholds = golden["thresholds"] as! Fields
    for (name, value) in [
        ("keep_score", keepScore), ("find_score", findScore),
        ("max_lean_degrees", maxLeanDegrees), ("min_side_px", minSidePx),
    ] {
        try check(value == thresholds.number(name), "\(name) \(value)")
    }
    for one in cases("searches") {
        let views = searchViews(width: one.ints("size")[0], height: one.ints("size")[1])
        try close(views.map { listed($0.square) }, one.points("squares"))
    }
    for one in cases("next_views") {
        let keypointsPx = one.points("keypoints_px")
        try close([torsoLeanDegrees(keypointsPx, model: model)!], [one.number("lean_degrees")])
        let next = nextView(one.view("view"), keypointsPx: keypointsPx, framing: .tight, model: model)
        try close(listed(next), one.numbers("next"))
    }
    try cases("portraits").forEach(checkPortrait)
    let keypointsPx = cases("next_views")[0].points("keypoints_px")
    let tracker = Tracker(model: model, width: 640, height: 480)
    func see(_ score: Double) -> Bool {
        tracker.see(keypointsPx: keypointsPx, scores: [Double](repeating: score, count: 21))
    }
    let searches = searchViews(width: 640, height: 480)
    for i in 0..<(searches.count + 2) {
        try check(tracker.view == searches[i % searches.count], "search \(i)")
        try check(!see(findScore - 0.01), "seen in search \(i)")
    }
    let followed = nextView(tracker.view, keypointsPx: keypointsPx, framing: .tight, model: model)
    try check(see(findScore + 0.01) && tracker.view == followed, "found")
    try check(see(keepScore + 0.01) && tracker.view == followed, "kept")
    try check(!see(keepScore - 0.01) && tracker.view == searches[0], "lost")
    let square = Box(x: 1, y: 2, width: 30, height: 30)
    tracker.follow(square)
    try check(tracker.view == CropView(square: square), "given")
    try check(see(keepScore + 0.01), "given and seen")

    let flips = golden["flips"] as! Fields
    let mirrored = flipPointsPx(flips.points("mirrored_px"), imageWidth: Int(flips.number("width")))
    try close(flipJoints(mirrored, model: model), flips.points("keypoints_px"))

    let euro = golden["one_euro"] as! Fields
    let (values, times, size) = (euro.points("values"), euro.numbers("times_s")!, euro.number("size"))
    let filter = OneEuro()
    try close([filter.minCutoffHz, filter.beta, filter.speedCutoffHz], euro.numbers("constants"))
    try close(zip(values, times).map { try filter.filter($0, timeS: $1, size: size) }, euro.points("smooth"))
    try refused("does not come after") { _ = try filter.filter(values[0], timeS: times[0], size: size) }
    filter.reset()
    try close(try filter.filter(values[0], timeS: times[0], size: size), values[0])
}

/// The framing of a portrait; and a tracker that follows it until the person steps back.
func checkPortrait(_ one: Fields) throws {
    let (width, height) = (one.ints("size")[0], one.ints("size")[1])
    let (keypointsPx, backPx) = (one.points("keypoints_px"), one.points("back_px"))
    let view = one.view("view")
    let framing = framingOf(view, keypointsPx: keypointsPx, width: width, height: height)
    try close([framing.scale] + framing.offset, one.numbers("framing"))
    for (before, pointsPx, framing, after) in [
        ("view", keypointsPx, framing, "next"), ("next", backPx, framing, "back"),
        ("back", backPx, .tight, "tight"),
    ] {
        let found = nextView(one.view(before), keypointsPx: pointsPx, framing: framing, model: model)
        try close(listed(found), one.numbers(after))
    }
    if view.leanDegrees != 0 { return }  // nobody is searched in turned views
    let tracker = Tracker(model: model, width: width, height: height)
    func see(_ pointsPx: [[Double]], _ score: Double) -> Bool {
        tracker.see(keypointsPx: pointsPx, scores: [Double](repeating: score, count: 21))
    }
    for i in 0..<Int(one.number("search")) { try check(!see(keypointsPx, 0), "seen in search \(i)") }
    for (before, pointsPx) in [
        ("view", keypointsPx), ("next", keypointsPx), ("next", backPx), ("back", backPx),
    ] {
        try close(listed(tracker.view), one.numbers(before))
        try check(see(pointsPx, 0.9), "lost")
    }
    try close(listed(tracker.view), one.numbers("tight"))
}

let tests: [(String, () throws -> Void)] = [
    ("testModel", testModel), ("testGeometry", testGeometry), ("testFrame", testFrame),
    ("testInput", testInput), ("testDecode", testDecode), ("testTracking", testTracking),
]
var failed = 0
for (name, test) in tests {
    do {
        try test()
        print("ok \(name)")
    } catch {
        print("FAILED \(name) \(error)")
        failed += 1
    }
}
print("\(tests.count - failed) passed, \(failed) failed")
exit(failed == 0 ? 0 : 1)
