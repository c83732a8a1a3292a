// From what the network answers to pixels to camera millimetres.

import Foundation

/// Between the means of adult women and men.
public let defaultStatureMm = 1700.0
/// A segment's part across the line of sight is at least this share of its length.
private let minAcross = 0.1
/// The nearest that a joint can be to the camera.
private let minJointDepthMm = 100.0
private let placementRounds = 12

/// Ends of a segment, each the middle of its joints, and its length as a share of stature.
private let segments: [(start: [String], end: [String], share: Double)] = [
    (["L_Shoulder", "R_Shoulder"], ["L_Hip", "R_Hip"], 0.288),
    (["L_Shoulder"], ["L_Elbow"], 0.186),
    (["R_Shoulder"], ["R_Elbow"], 0.186),
    (["L_Elbow"], ["L_Wrist"], 0.146),
    (["R_Elbow"], ["R_Wrist"], 0.146),
    (["L_Hip"], ["L_Knee"], 0.245),
    (["R_Hip"], ["R_Knee"], 0.245),
    (["L_Knee"], ["L_Ankle"], 0.246),
    (["R_Knee"], ["R_Ankle"], 0.246),
]

/// [x, y, z] of each joint on the grid, and scores 0…1.
public struct Joints {
    public let cells: [[Double]]
    public let scores: [Double]
}

/// The outputs of a model that was exported with its head, joint by joint.
public func listJoints(cells: [Float], scores: [Float]) -> Joints {
    Joints(
        cells: scores.indices.map { j in (0..<3).map { Double(cells[3 * j + $0]) } },
        scores: scores.map(Double.init))
}

/// Cells and scores from a model that was exported with --heatmaps.
///
/// The softmax of all cells of a joint is its probability; the position is its expectation, or in the
/// picture, where the model says so, that of a sharper form of it. The
/// score is the probability of the picture's cells near that position, over all depths.
/// - Parameter heatmaps: logits of shape [1, J·D, H, W] or [1, H, W, J·D]; channel = joint · D +
///   depth.
public func softArgmax(_ heatmaps: [Float], model: ModelFile) -> Joints {
    let (width, height, depth) = (model.gridCells[0], model.gridCells[1], model.gridCells[2])
    let channels = model.joints.count * depth
    let shape = model.outputs[0].shape
    let isNchw = shape[1] == channels && shape[2] == height
    let cellStride = isNchw ? 1 : channels
    let channelStride = isNchw ? width * height : 1
    let radiusSquared = model.scoreRadiusCells * model.scoreRadiusCells
    var cells: [[Double]] = []
    var scores: [Double] = []
    for joint in model.joints.indices {
        let start = joint * depth * channelStride
        var largest = -Float.infinity
        for layer in 0..<depth {
            for cell in 0..<(width * height) {
                largest = max(largest, heatmaps[start + layer * channelStride + cell * cellStride])
            }
        }
        var plane = [Double](repeating: 0, count: width * height)
        var (x, y, z, total) = (0.0, 0.0, 0.0, 0.0)
        for layer in 0..<depth {
            var mass = 0.0
            for cell in plane.indices {
                let logit = heatmaps[start + layer * channelStride + cell * cellStride]
                let p = exp(Double(logit) - Double(largest))
                plane[cell] += p
                mass += p
            }
            z += mass * Double(layer)
            total += mass
        }
        let located = model.position == "peak" ? sharpened(plane, model: model) : plane
        var locatedTotal = 0.0
        for cell in located.indices {
            x += located[cell] * Double(cell % width)
            y += located[cell] * Double(cell / width)
            locatedTotal += located[cell]
        }
        (x, y, z) = (x / locatedTotal, y / locatedTotal, z / total)
        var near = 0.0
        for cell in plane.indices {
            let right = Double(cell % width) - x
            let down = Double(cell / width) - y
            if right * right + down * down <= radiusSquared { near += plane[cell] }
        }
        cells.append([x, y, z])
        scores.append(min(1, near / total / model.scoreSureMass))
    }
    return Joints(cells: cells, scores: scores)
}

/// The picture's cells of a joint, smoothed by a Gaussian and raised to a power: its peak alone.
private func sharpened(_ plane: [Double], model: ModelFile) -> [Double] {
    let (width, height) = (model.gridCells[0], model.gridCells[1])
    let bell = (0..<max(width, height)).map { distance in
        exp(-pow(Double(distance) / model.peakSigmaCells, 2) / 2)
    }
    var rows = [Double](repeating: 0, count: plane.count)
    var smooth = rows
    for y in 0..<height {
        for x in 0..<width {
            for from in 0..<width {
                rows[y * width + x] += bell[abs(x - from)] * plane[y * width + from]
            }
        }
    }
    for y in 0..<height {
        for from in 0..<height {
            for x in 0..<width {
                smooth[y * width + x] += bell[abs(y - from)] * rows[from * width + x]
            }
        }
    }
    let largest = smooth.max()!
    return smooth.map { pow($0 / largest, model.peakPower) }
}

/// Cells → px of the photo, and depth behind the root in mm.
/// - Parameter affine: from photo to crop.
public func cellsToPhoto(
    _ cells: [[Double]], affine: Affine, model: ModelFile
) -> (keypointsPx: [[Double]], depthMm: [Double]) {
    let inverse = invertAffine(affine)
    let grid = model.gridCells.map(Double.init)
    let side = Double(model.cropPx)
    let depths = cells.map { ($0[2] / grid[2] - 0.5) * model.depthRangeMm }
    // The root's depth is zero by definition; the network's answer for it is its error.
    return (
        cells.map { applyAffine(inverse, [$0[0] * side / grid[0], $0[1] * side / grid[1]]) },
        depths.map { $0 - depths[model.root] }
    )
}

/// Joints in the camera's space, in mm, from 2D, depth behind the root and the person's stature.
///
/// In turns: seen from the present guess of the root's distance, the pose is widened or narrowed
/// across the line of sight until its segments have the lengths that the stature asks for; then it
/// is moved to where it projects onto its 2D joints.
public func placeInCamera(
    _ keypointsPx: [[Double]], depthMm: [Double], scores: [Double], model: ModelFile,
    camera: Camera, statureMm: Double = defaultStatureMm
) throws -> [[Double]] {
    func indices(_ names: [String]) throws -> [Int] {
        try names.map { name in
            guard let joint = model.joints.firstIndex(of: name) else {
                throw PoseError("model \(model.name) has no joint \(name), which placing takes")
            }
            return joint
        }
    }
    func mean(_ joints: [Int], _ value: (Int) -> Double) -> Double {
        joints.reduce(0) { $0 + value($1) } / Double(joints.count)
    }
    func at(_ rootDepthMm: Double) -> [[Double]] {
        zip(keypointsPx, depthMm).map { point, depth in
            let z = rootDepthMm + depth
            return [(point[0] - camera.cx) / camera.fx * z, (point[1] - camera.cy) / camera.fy * z, z]
        }
    }
    let weights = scores.map { max($0, 1e-3) }
    let starts = try segments.map { try indices($0.start) }
    let ends = try segments.map { try indices($0.end) }

    let nearestMm = minJointDepthMm - depthMm.min()!
    var rootDepthMm = max(nearestMm, 2 * statureMm)
    for _ in 0..<placementRounds {
        let points = at(rootDepthMm)
        let root = points[model.root]
        let relative = points.map { [$0[0] - root[0], $0[1] - root[1], $0[2] - root[2]] }
        // Least squares for s² in Σ weight · (s² · across − wanted)².
        var (numerator, denominator) = (0.0, 0.0)
        for (segment, definition) in segments.enumerated() {
            let (start, end) = (starts[segment], ends[segment])
            let span = (0..<3).map { axis in
                mean(end) { relative[$0][axis] } - mean(start) { relative[$0][axis] }
            }
            let lengthMm = definition.share * statureMm
            let least = minAcross * lengthMm
            let across = span[0] * span[0] + span[1] * span[1]
            let wanted = max(lengthMm * lengthMm - span[2] * span[2], least * least)
            // As sure as its less sure end.
            let weight = min(mean(start) { weights[$0] }, mean(end) { weights[$0] })
            numerator += weight * across * wanted
            denominator += weight * across * across
        }
        guard denominator > 0 else {
            throw PoseError("a pose whose joints all lie on one pixel cannot be placed")
        }
        let widen = (numerator / denominator).squareRoot()
        let widened = relative.map { [$0[0] * widen, $0[1] * widen, $0[2]] }
        let translation = try fitTranslation(
            keypointsPx, relativeMm: widened, camera: camera, weights: weights)
        rootDepthMm = max(nearestMm, translation[2])
    }
    return at(rootDepthMm)
}
