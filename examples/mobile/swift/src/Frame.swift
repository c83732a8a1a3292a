// Camera frames in, crops out.

import Foundation

/// Interleaved bytes of a picture, as cameras give them.
public struct Frame {
    public let bytes: [UInt8]
    public let width: Int
    public let height: Int
    public let bytesPerRow: Int
    public let bytesPerPixel: Int
    /// Where red, green and blue stand among a pixel's bytes.
    public let rgbAt: [Int]

    /// `order` is RGB, RGBA or BGRA; `bytesPerRow` is 0 where no row is padded.
    public init(
        bytes: [UInt8], width: Int, height: Int, order: String, bytesPerRow: Int = 0
    ) throws {
        guard ["RGB", "RGBA", "BGRA"].contains(order) else {
            throw PoseError("frame of order \(order)")
        }
        let letters = Array(order)
        self.bytes = bytes
        self.width = width
        self.height = height
        bytesPerPixel = letters.count
        self.bytesPerRow = bytesPerRow == 0 ? width * letters.count : bytesPerRow
        rgbAt = "RGB".map { letters.firstIndex(of: $0)! }
        let needed = (height - 1) * self.bytesPerRow + width * bytesPerPixel
        guard self.bytesPerRow >= width * bytesPerPixel, bytes.count >= needed else {
            throw PoseError("frame of \(bytes.count) bytes: too few for \(width) × \(height) \(order)")
        }
    }
}

/// RGB from full-range YUV 4:2:0 (JFIF, BT.601), which phone cameras give; u and v may be planes
/// (`uvBytesPerPixel` 1) or share one (2, each of them starting at its first byte).
public func rgbFromYuv(
    y: [UInt8], u: [UInt8], v: [UInt8], width: Int, height: Int,
    yBytesPerRow: Int, uvBytesPerRow: Int, uvBytesPerPixel: Int
) throws -> Frame {
    var bytes = [UInt8]()
    bytes.reserveCapacity(width * height * 3)
    for row in 0..<height {
        for column in 0..<width {
            let luma = Double(y[row * yBytesPerRow + column])
            let chroma = (row >> 1) * uvBytesPerRow + (column >> 1) * uvBytesPerPixel
            let blue = Double(u[chroma]) - 128
            let red = Double(v[chroma]) - 128
            bytes.append(nearestByte(luma + 1.402 * red))
            bytes.append(nearestByte(luma - 0.344136 * blue - 0.714136 * red))
            bytes.append(nearestByte(luma + 1.772 * blue))
        }
    }
    return try Frame(bytes: bytes, width: width, height: height, order: "RGB")
}

/// Halves go to the even number, as OpenCV rounds them.
@inline(__always)
private func nearestByte(_ value: Double) -> UInt8 {
    UInt8(min(255, max(0, value.rounded(.toNearestOrEven))))
}

/// Cuts a crop, cropPx × cropPx × 3 RGB bytes: bilinear, black beyond the frame.
///
/// Where the crop shrinks the frame to half or less, whole areas of it are averaged first, since
/// bilinear sampling would skip pixels.
/// - Parameter affine: from frame px to crop px.
public func warpCrop(_ frame: Frame, _ affine: Affine, cropPx: Int) throws -> [UInt8] {
    let shrink = 1 / abs(affine.a * affine.e - affine.b * affine.d).squareRoot()
    if shrink < 2 { return warp(frame, affine, cropPx) }
    let factor = Int(shrink)
    let width = max(1, frame.width / factor)
    let height = max(1, frame.height / factor)
    let x = Double(frame.width) / Double(width)
    let y = Double(frame.height) / Double(height)
    // A pixel's centre is at its index + 0.5 before and after.
    let small = composeAffine(Affine(x, 0, x / 2 - 0.5, 0, y, y / 2 - 0.5), affine)
    return warp(try averaged(frame, width, height, small, cropPx), small, cropPx)
}

private func warp(_ frame: Frame, _ affine: Affine, _ cropPx: Int) -> [UInt8] {
    let (width, height) = (frame.width, frame.height)
    let inverse = invertAffine(affine)
    var crop = [UInt8](repeating: 0, count: cropPx * cropPx * 3)
    frame.bytes.withUnsafeBufferPointer { bytes in
        for row in 0..<cropPx {
            for column in 0..<cropPx {
                let x = inverse.a * Double(column) + inverse.b * Double(row) + inverse.c
                let y = inverse.d * Double(column) + inverse.e * Double(row) + inverse.f
                guard x >= -1, y >= -1, x < Double(width), y < Double(height) else { continue }
                let (left, top) = (Int(x.rounded(.down)), Int(y.rounded(.down)))
                let (right, down) = (x - Double(left), y - Double(top))
                // Weights of the four pixels; those beyond the frame are black.
                let hasLeft = left >= 0 ? 1 - right : 0
                let hasRight = left + 1 < width ? right : 0
                let hasTop = top >= 0 ? 1 - down : 0
                let hasBottom = top + 1 < height ? down : 0
                let x0 = max(left, 0) * frame.bytesPerPixel
                let x1 = min(left + 1, width - 1) * frame.bytesPerPixel
                let y0 = max(top, 0) * frame.bytesPerRow
                let y1 = min(top + 1, height - 1) * frame.bytesPerRow
                let to = (row * cropPx + column) * 3
                for channel in 0..<3 {
                    let at = frame.rgbAt[channel]
                    let above = hasLeft * Double(bytes[y0 + x0 + at]) + hasRight * Double(bytes[y0 + x1 + at])
                    let below = hasLeft * Double(bytes[y1 + x0 + at]) + hasRight * Double(bytes[y1 + x1 + at])
                    crop[to + channel] = nearestByte(hasTop * above + hasBottom * below)
                }
            }
        }
    }
    return crop
}

/// The frame at a smaller size, each pixel the mean of its area, where the crop will look.
private func averaged(
    _ frame: Frame, _ width: Int, _ height: Int, _ affine: Affine, _ cropPx: Int
) throws -> Frame {
    let inverse = invertAffine(affine)
    let last = Double(cropPx - 1)
    let corners = [[0, 0], [last, 0], [0, last], [last, last]].map { applyAffine(inverse, $0) }
    func range(_ axis: Int, _ size: Int) -> Range<Int> {
        let values = corners.map { $0[axis] }
        let first = max(0, Int(values.min()!.rounded(.down)))
        let end = min(size, Int(values.max()!.rounded(.down)) + 2)
        return first..<max(first, end)
    }
    let across = Double(frame.width) / Double(width)
    let along = Double(frame.height) / Double(height)
    let area = across * along
    // Halves go up in blocks of 2 × 2, which OpenCV adds as integers.
    let up = across == 2 && along == 2 ? 0.1 : 0
    let (redAt, greenAt, blueAt) = (frame.rgbAt[0], frame.rgbAt[1], frame.rgbAt[2])
    var small = [UInt8](repeating: 0, count: width * height * 3)
    frame.bytes.withUnsafeBufferPointer { bytes in
        for row in range(1, height) {
            let y0 = Double(row) * along
            let y1 = min(y0 + along, Double(frame.height))
            for column in range(0, width) {
                let x0 = Double(column) * across
                let x1 = min(x0 + across, Double(frame.width))
                var (red, green, blue) = (0.0, 0.0, 0.0)
                var y = Int(y0)
                while Double(y) < y1 {
                    let weightY = min(Double(y + 1), y1) - max(Double(y), y0)
                    var x = Int(x0)
                    while Double(x) < x1 {
                        let weight = weightY * (min(Double(x + 1), x1) - max(Double(x), x0))
                        let at = y * frame.bytesPerRow + x * frame.bytesPerPixel
                        red += weight * Double(bytes[at + redAt])
                        green += weight * Double(bytes[at + greenAt])
                        blue += weight * Double(bytes[at + blueAt])
                        x += 1
                    }
                    y += 1
                }
                let to = (row * width + column) * 3
                small[to] = nearestByte(red / area + up)
                small[to + 1] = nearestByte(green / area + up)
                small[to + 2] = nearestByte(blue / area + up)
            }
        }
    }
    return try Frame(bytes: small, width: width, height: height, order: "RGB")
}
