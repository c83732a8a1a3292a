// One person over the frames of a camera: where to look next, and how to calm what is seen.

import Foundation

/// People who lean by less are shown upright enough.
public let maxLeanDegrees = 20.0
/// Joints that lie within this are no person's extent.
public let minSidePx = 8.0
/// A person is lost whose mean score falls below this, and found from `findScore` on.
public let keepScore = 0.3
public let findScore = 0.47

/// A square of the photo, turned clockwise: what leans by so much stands upright in it.
public struct CropView: Equatable {
    public var square: Box
    public var leanDegrees: Double

    public init(square: Box, leanDegrees: Double = 0) {
        (self.square, self.leanDegrees) = (square, leanDegrees)
    }
}

/// How a view lies about the square around the joints that are seen in it.
public struct Framing: Equatable, Sendable {
    /// The view's side by that of the square.
    public var scale: Double
    /// From the square's centre to the view's, in sides of the square, along the view's own axes.
    public var offset: [Double]

    /// People are followed in views that end where they do.
    public static let tight = Framing(scale: 1, offset: [0, 0])

    public init(scale: Double, offset: [Double]) {
        (self.scale, self.offset) = (scale, offset)
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
    let box = tightBox(pointsPx.map { turned($0, degrees: -leanDegrees) })
    let center = turned([box.x + box.width / 2, box.y + box.height / 2], degrees: leanDegrees)
    let side = max(box.width, box.height) * boxMargin
    return Box(x: center[0] - side / 2, y: center[1] - side / 2, width: side, height: side)
}

/// A point turned clockwise about (0, 0).
private func turned(_ point: [Double], degrees: Double) -> [Double] {
    let (c, s) = (cos(degrees * .pi / 180), sin(degrees * .pi / 180))
    return [c * point[0] - s * point[1], s * point[0] + c * point[1]]
}

/// The square around all joints; nil where they have no extent.
private func squareAround(_ keypointsPx: [[Double]], leanDegrees: Double) -> Box? {
    let square = turnedSquare(keypointsPx, leanDegrees: leanDegrees)
    return square.width >= minSidePx ? square : nil
}

/// How to go on looking at what was found in `view`, in a picture of this size.
///
/// `tight`, but for a portrait: what was found in a view larger than the picture is understood in
/// such a view only. In a tight one collar and chest would be taken for a whole body, and the view
/// would shrink with every frame.
public func framingOf(
    _ view: CropView, keypointsPx: [[Double]], width: Int, height: Int
) -> Framing {
    let side = view.square.width
    guard let around = squareAround(keypointsPx, leanDegrees: view.leanDegrees),
        side > Double(max(width, height))
    else { return .tight }
    let further = (side - around.width) / 2
    let shift = [view.square.x - around.x + further, view.square.y - around.y + further]
    return Framing(
        scale: side / around.width,
        offset: turned(shift, degrees: -view.leanDegrees).map { $0 / around.width })
}

/// Where to look in the next frame, by what was seen in `view`: about all joints, turned as the
/// torso leans where that has changed; the same again where the joints have no extent.
public func nextView(
    _ view: CropView, keypointsPx: [[Double]], framing: Framing, model: ModelFile
) -> CropView {
    var leanDegrees = view.leanDegrees
    if let lean = torsoLeanDegrees(keypointsPx, model: model) {
        let off = (lean - leanDegrees).remainder(dividingBy: 360)
        if abs(off) > maxLeanDegrees { leanDegrees = lean }
    }
    guard let around = squareAround(keypointsPx, leanDegrees: leanDegrees) else { return view }
    let offset = turned(framing.offset, degrees: leanDegrees)
    let side = around.width * framing.scale
    let x = around.x + around.width * (0.5 + offset[0]) - side / 2
    let y = around.y + around.width * (0.5 + offset[1]) - side / 2
    return CropView(square: Box(x: x, y: y, width: side, height: side), leanDegrees: leanDegrees)
}

public func meanScore(_ scores: [Double]) -> Double {
    scores.reduce(0, +) / Double(scores.count)
}

/// Follows one person: says where to look in each frame, and learns from what was seen there.
public final class Tracker {
    private let model: ModelFile
    private let width: Int
    private let height: Int
    private let searches: [CropView]
    private var tracked: CropView?
    private var framing = Framing.tight
    private var searched = 0

    /// For frames of this size, as they are held upright.
    public init(model: ModelFile, width: Int, height: Int) {
        (self.model, self.width, self.height) = (model, width, height)
        searches = searchViews(width: width, height: height)
    }

    /// Where to look in this frame: around the person, or in one of the places to search.
    public var view: CropView { tracked ?? searches[searched % searches.count] }

    /// Follows whom a detector found; the square is `processBox`'s.
    public func follow(_ square: Box) {
        tracked = CropView(square: square)
        framing = .tight
    }

    /// Takes in what was seen in `view`. False where that is nobody: draw nothing then.
    public func see(keypointsPx: [[Double]], scores: [Double]) -> Bool {
        let view = self.view
        let score = meanScore(scores)
        if tracked == nil {
            if score < findScore {
                searched += 1
                return false
            }
            framing = framingOf(view, keypointsPx: keypointsPx, width: width, height: height)
        } else if score < keepScore {
            tracked = nil
            searched = 0
            return false
        }
        let next = nextView(view, keypointsPx: keypointsPx, framing: framing, model: model)
        if next.square.width <= Double(max(width, height)) {
            framing = .tight  // a portrait whose person has stepped back
        }
        tracked = next
        return true
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
