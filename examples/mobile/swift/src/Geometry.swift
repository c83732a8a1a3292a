// Boxes, affine maps and pinhole cameras. Pixel (0, 0) is the centre of the first pixel.

import Foundation

/// How far a crop reaches beyond the person's box.
public let boxMargin = 1.25
/// Across the longer side of the picture, for cameras that nobody knows.
public let defaultFovDegrees = 55.0

public struct Box: Equatable {
    public var x, y, width, height: Double

    public init(x: Double, y: Double, width: Double, height: Double) {
        (self.x, self.y, self.width, self.height) = (x, y, width, height)
    }
}

/// x' = a·x + b·y + c, y' = d·x + e·y + f.
public struct Affine {
    public var a, b, c, d, e, f: Double

    public init(_ a: Double, _ b: Double, _ c: Double, _ d: Double, _ e: Double, _ f: Double) {
        (self.a, self.b, self.c, self.d, self.e, self.f) = (a, b, c, d, e, f)
    }
}

/// x right, y down, z forward.
public struct Camera {
    public var fx, fy, cx, cy: Double

    public init(fx: Double, fy: Double, cx: Double, cy: Double) {
        (self.fx, self.fy, self.cx, self.cy) = (fx, fy, cx, cy)
    }
}

/// A camera whose longer image side spans `degrees`.
public func cameraFromFov(_ degrees: Double, width: Int, height: Int) -> Camera {
    let focal = Double(max(width, height)) / 2 / tan(degrees * .pi / 360)
    return Camera(fx: focal, fy: focal, cx: Double(width) / 2, cy: Double(height) / 2)
}

/// The box around joints, enlarged about its centre: joints lie inside the body.
public func tightBox(_ pointsPx: [[Double]], enlarge: Double = 1.2) -> Box {
    let xs = pointsPx.map { $0[0] }
    let ys = pointsPx.map { $0[1] }
    let (left, right) = (xs.min()!, xs.max()!)
    let (top, bottom) = (ys.min()!, ys.max()!)
    let width = (right - left) * enlarge
    let height = (bottom - top) * enlarge
    return Box(
        x: (left + right - width) / 2, y: (top + bottom - height) / 2, width: width, height: height)
}

/// A person's box clipped to the picture, made square and widened: what is cropped.
/// It may reach beyond the picture. Nil where nothing of the box lies inside.
public func processBox(
    _ box: Box, imageWidth: Int, imageHeight: Int, margin: Double = boxMargin
) -> Box? {
    let left = max(0, box.x)
    let top = max(0, box.y)
    let right = min(Double(imageWidth - 1), left + max(0, box.width - 1))
    let bottom = min(Double(imageHeight - 1), top + max(0, box.height - 1))
    guard box.width * box.height > 0, right >= left, bottom >= top else { return nil }
    let side = max(right - left, bottom - top) * margin
    guard side > 0 else { return nil }
    return Box(x: (left + right - side) / 2, y: (top + bottom - side) / 2, width: side, height: side)
}

/// The map from photo px to the px of a crop of the box, turned about the box's centre.
public func cropAffine(_ box: Box, cropPx: Int, rotationDegrees: Double = 0) -> Affine {
    let angle = rotationDegrees * .pi / 180
    let side = Double(cropPx)
    let (right, down) = (side / box.width, side / box.height)
    let (a, b) = (cos(angle) * right, sin(angle) * right)
    let (d, e) = (-sin(angle) * down, cos(angle) * down)
    let (x, y) = (box.x + box.width / 2, box.y + box.height / 2)
    return Affine(a, b, side / 2 - a * x - b * y, d, e, side / 2 - d * x - e * y)
}

public func invertAffine(_ m: Affine) -> Affine {
    let det = m.a * m.e - m.b * m.d
    return Affine(
        m.e / det, -m.b / det, (m.b * m.f - m.e * m.c) / det,
        -m.d / det, m.a / det, (m.d * m.c - m.a * m.f) / det)
}

/// `first`, then `second`, as one map.
public func composeAffine(_ first: Affine, _ second: Affine) -> Affine {
    let (p, s) = (first, second)
    return Affine(
        s.a * p.a + s.b * p.d, s.a * p.b + s.b * p.e, s.a * p.c + s.b * p.f + s.c,
        s.d * p.a + s.e * p.d, s.d * p.b + s.e * p.e, s.d * p.c + s.e * p.f + s.f)
}

public func applyAffine(_ m: Affine, _ point: [Double]) -> [Double] {
    [m.a * point[0] + m.b * point[1] + m.c, m.d * point[0] + m.e * point[1] + m.f]
}

/// The map from the px of a sensor's frame to those of the picture held upright.
/// - Parameters:
///   - clockwiseDegrees: by which the frame must be turned: 0, 90, 180 or 270.
///   - width: of the frame as the sensor gives it.
public func uprightFromSensor(_ clockwiseDegrees: Int, width: Int, height: Int) throws -> Affine {
    let (right, bottom) = (Double(width - 1), Double(height - 1))
    switch clockwiseDegrees {
    case 0: return Affine(1, 0, 0, 0, 1, 0)
    case 90: return Affine(0, -1, bottom, 1, 0, 0)
    case 180: return Affine(-1, 0, right, 0, -1, bottom)
    case 270: return Affine(0, 1, 0, -1, 0, right)
    default:
        throw PoseError("rotation \(clockwiseDegrees): 0, 90, 180 or 270 degrees are possible")
    }
}

/// The translation in mm that makes a root-relative pose project onto its 2D joints.
///
/// From x·(Z + z) = X + x_mm, with x in focal lengths from the principal point: two equations a
/// joint, linear in (X, Y, Z), solved by weighted least squares. X and Y go out with the weighted
/// means; what is left has one unknown.
public func fitTranslation(
    _ keypointsPx: [[Double]], relativeMm: [[Double]], camera: Camera, weights: [Double]
) throws -> [Double] {
    let rays = keypointsPx.map {
        [($0[0] - camera.cx) / camera.fx, ($0[1] - camera.cy) / camera.fy]
    }
    // X − x·Z = right for each axis.
    let rights = zip(rays, relativeMm).map { ray, point in
        [ray[0] * point[2] - point[0], ray[1] * point[2] - point[1]]
    }
    let total = weights.reduce(0, +)
    func mean(_ value: (Int) -> Double) -> Double {
        weights.indices.reduce(0) { $0 + weights[$1] * value($1) } / total
    }
    let rayMean = [mean { rays[$0][0] }, mean { rays[$0][1] }]
    let rightMean = [mean { rights[$0][0] }, mean { rights[$0][1] }]
    var (product, spread) = (0.0, 0.0)
    for axis in 0..<2 {
        product += mean { (rays[$0][axis] - rayMean[axis]) * (rights[$0][axis] - rightMean[axis]) }
        spread += mean { (rays[$0][axis] - rayMean[axis]) * (rays[$0][axis] - rayMean[axis]) }
    }
    guard spread > 1e-18 else { throw PoseError("placing a pose takes joints at different pixels") }
    let z = -product / spread
    return [rightMean[0] + rayMean[0] * z, rightMean[1] + rayMean[1] * z, z]
}
