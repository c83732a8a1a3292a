// One person over the frames of a camera: where to look next, and how to calm what is seen.

import Foundation

/// Joints below this score do not decide where the person is.
public let boxMinScore = 0.3
/// Fewer sure joints say nothing of where the person is.
public let boxMinJoints = 4
/// People who lean by less are shown upright enough.
public let maxLeanDegrees = 20.0
/// A person is lost whose mean score falls below this, and found from `findScore` on.
public let keepScore = 0.25
public let findScore = 0.4

/// A square of the photo, turned clockwise: what leans by so much stands upright in it.
public struct CropView: Equatable {
    public var square: Box
    public var leanDegrees: Double

    public init(square: Box, leanDegrees: Double = 0) {
        (self.square, self.leanDegrees) = (square, leanDegrees)
    }
}

/// The map from photo px to the px of the view's crop.
public func viewAffine(_ view: CropView, cropPx: Int) -> Affine {
    cropAffine(view.square, cropPx: cropPx, rotationDegrees: view.leanDegrees)
}

/// Where to look while nobody is tracked: the whole picture, squares along it, and squares that
/// reach far below it, for portraits.
public func searchViews(width: Int, height: Int) -> [CropView] {
    let longer = Double(max(width, height))
    let shorter = Double(min(width, height))
    func view(_ x: Double, _ y: Double, _ side: Double) -> CropView {
        CropView(square: Box(x: x, y: y, width: side, height: side))
    }
    var views = [view((Double(width) - longer) / 2, (Double(height) - longer) / 2, longer)]
    for share in longer > 1.2 * shorter ? [0, 0.5, 1] : [0] {
        let offset = share * (longer - shorter)
        views.append(width >= height ? view(offset, 0, shorter) : view(0, offset, shorter))
    }
    for scale in [1.5, 2, 2.5] {
        let side = scale * longer
        views.append(view((Double(width) - side) / 2, -0.08 * side, side))
    }
    return views
}

/// How far the torso leans to the right of upright, −180…180; nil where it has no length.
public func torsoLeanDegrees(_ keypointsPx: [[Double]], model: ModelFile) -> Double? {
    func joint(_ name: String) -> [Double]? {
        model.joints.firstIndex(of: name).map { keypointsPx[$0] }
    }
    guard let leftShoulder = joint("L_Shoulder"), let rightShoulder = joint("R_Shoulder"),
        let leftHip = joint("L_Hip"), let rightHip = joint("R_Hip")
    else { return nil }
    let right = (leftShoulder[0] + rightShoulder[0] - leftHip[0] - rightHip[0]) / 2
    let down = (leftShoulder[1] + rightShoulder[1] - leftHip[1] - rightHip[1]) / 2
    return right == 0 && down == 0 ? nil : atan2(right, -down) * 180 / .pi
}

/// The square around points, in a crop turned by `leanDegrees`.
public func turnedSquare(_ pointsPx: [[Double]], leanDegrees: Double) -> Box {
    let (c, s) = (cos(leanDegrees * .pi / 180), sin(leanDegrees * .pi / 180))
    let box = tightBox(pointsPx.map { [c * $0[0] + s * $0[1], c * $0[1] - s * $0[0]] })
    let (x, y) = (box.x + box.width / 2, box.y + box.height / 2)
    let side = max(box.width, box.height) * boxMargin
    return Box(x: c * x - s * y - side / 2, y: s * x + c * y - side / 2, width: side, height: side)
}

/// Where to look in the next frame, by what was seen in `view`: around the sure joints, turned as
/// the torso leans; the same again where too few joints are sure; nil where the person is lost.
public func nextView(
    _ view: CropView, keypointsPx: [[Double]], scores: [Double], model: ModelFile
) -> CropView? {
    if meanScore(scores) < keepScore { return nil }
    let sure = zip(keypointsPx, scores).filter { $1 >= boxMinScore }.map(\.0)
    if sure.count < boxMinJoints { return view }
    var leanDegrees = view.leanDegrees
    if let lean = torsoLeanDegrees(keypointsPx, model: model) {
        let off = (lean - leanDegrees).remainder(dividingBy: 360)
        if abs(off) > maxLeanDegrees { leanDegrees = lean }
    }
    return CropView(square: turnedSquare(sure, leanDegrees: leanDegrees), leanDegrees: leanDegrees)
}

public func meanScore(_ scores: [Double]) -> Double {
    scores.reduce(0, +) / Double(scores.count)
}

/// Follows one person: says where to look in each frame, and learns from what was seen there.
public final class Tracker {
    private let model: ModelFile
    private let searches: [CropView]
    private var tracked: CropView?
    private var searched = 0

    /// For frames of this size, as they are held upright.
    public init(model: ModelFile, width: Int, height: Int) {
        self.model = model
        searches = searchViews(width: width, height: height)
    }

    /// Where to look in this frame: around the person, or in one of the places to search.
    public var view: CropView { tracked ?? searches[searched % searches.count] }

    /// Follows whom a detector found; the square is `processBox`'s.
    public func follow(_ square: Box) {
        tracked = CropView(square: square)
    }

    /// Takes in what was seen in `view`. False where that is nobody: draw nothing then.
    public func see(keypointsPx: [[Double]], scores: [Double]) -> Bool {
        if tracked == nil && meanScore(scores) < findScore {
            searched += 1
            return false
        }
        tracked = nextView(view, keypointsPx: keypointsPx, scores: scores, model: model)
        if tracked == nil { searched = 0 }
        return tracked != nil
    }
}

/// The values of a mirrored picture's joints in the order of the true left and right.
public func flipJoints<T>(_ values: [T], model: ModelFile) -> [T] {
    var flipped = values
    for pair in model.flipPairs { flipped.swapAt(pair[0], pair[1]) }
    return flipped
}

/// Mirrors px: joints of a mirrored frame, as they are in the frame itself, or the other way.
public func flipPointsPx(_ pointsPx: [[Double]], imageWidth: Int) -> [[Double]] {
    pointsPx.map { [Double(imageWidth - 1) - $0[0]] + $0.dropFirst() }
}

/// The one-euro filter (Casiez et al., CHI 2012): still at rest, quick when moving.
///
/// The constants are MediaPipe's for poses. They count speeds in sizes of the person a second, so
/// that they hold for people near and far.
public final class OneEuro {
    public let minCutoffHz: Double
    public let beta: Double
    public let speedCutoffHz: Double
    private var timeS = 0.0
    private var raw: [Double]?
    private var speeds: [Double] = []
    private var smooth: [Double] = []

    public init(minCutoffHz: Double = 0.05, beta: Double = 80, speedCutoffHz: Double = 1) {
        (self.minCutoffHz, self.beta, self.speedCutoffHz) = (minCutoffHz, beta, speedCutoffHz)
    }

    /// The smoothed values at a time; `size` is the person's, in the unit of the values.
    public func filter(_ values: [Double], timeS: Double, size: Double) throws -> [Double] {
        if let before = raw {
            let stepS = timeS - self.timeS
            guard stepS > 0 else {
                throw PoseError("time \(timeS) s does not come after \(self.timeS) s")
            }
            func share(_ cutoffHz: Double) -> Double { 1 / (1 + 1 / (2 * .pi * cutoffHz * stepS)) }
            for i in values.indices {
                let speed = (values[i] - before[i]) / (size * stepS)
                speeds[i] += share(speedCutoffHz) * (speed - speeds[i])
                let cutoffHz = minCutoffHz + beta * abs(speeds[i])
                smooth[i] += share(cutoffHz) * (values[i] - smooth[i])
            }
        } else {
            speeds = values.map { _ in 0 }
            smooth = values
        }
        self.timeS = timeS
        raw = values
        return smooth
    }

    /// Forgets, for when the person is lost.
    public func reset() {
        raw = nil
    }
}
