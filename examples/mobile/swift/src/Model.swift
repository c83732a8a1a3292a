// The JSON beside a model file, and what it asks for: how crops become the network's input.

import Foundation

/// What is wrong, in one sentence.
public struct PoseError: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

public struct ModelFile {
    public struct Input: Decodable {
        public let name: String
        /// [1, P, P, 3] for NHWC, [1, 3, P, P] for NCHW.
        public let shape: [Int]
        public let layout: String
        /// "uint8" or "float32".
        public let dtype: String
        public let color: String
        /// The app feeds (pixel − mean) / std; 0 and 1 where the graph scales by itself.
        public let mean: [Double]
        public let std: [Double]
    }

    public struct Output: Decodable {
        public let name: String
        public let shape: [Int]
        /// "cells", "scores" or "heatmaps".
        public let meaning: String
    }

    public let name: String
    /// The model's file, beside the JSON.
    public let file: String
    public let input: Input
    public let outputs: [Output]
    /// Side of the square crop.
    public let cropPx: Int
    /// Cells along x, y and z.
    public let gridCells: [Int]
    public let depthRangeMm: Double
    /// How heat-maps become positions, "mean" or "peak", and what the peak takes.
    public let position: String
    public let peakSigmaCells: Double
    public let peakPower: Double
    public let scoreRadiusCells: Double
    public let scoreSureMass: Double
    public let joints: [String]
    public let edges: [[Int]]
    /// Pairs of joints that change places when the picture is mirrored.
    public let flipPairs: [[Int]]
    /// Index of the joint whose depth is zero.
    public let root: Int
}

private struct ModelFields: Decodable {
    let format: String
    let formatVersion: Int
    let name: String
    let file: String
    let input: ModelFile.Input
    let outputs: [ModelFile.Output]
    let gridCells: [Int]
    let depthRangeMm: Double
    let position: String?
    let peakSigmaCells: Double?
    let peakPower: Double?
    let scoreRadiusCells: Double
    let scoreSureMass: Double
    let joints: [String]
    let edges: [[Int]]
    let flipPairs: [[Int]]
    let root: String?
}

/// Reads the JSON. Throws an error that names what cannot be.
public func readModel(_ json: Data) throws -> ModelFile {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let fields = try decoder.decode(ModelFields.self, from: json)
    func must(_ holds: Bool, _ field: String, _ value: Any) throws {
        if !holds { throw PoseError("model JSON: field \(field) is \(value)") }
    }
    try must(fields.format == "mobilehumanpose-model", "format", fields.format)
    try must(fields.formatVersion == 1, "format_version", fields.formatVersion)
    let input = fields.input
    try must(input.layout == "NHWC" || input.layout == "NCHW", "input.layout", input.layout)
    try must(input.dtype == "uint8" || input.dtype == "float32", "input.dtype", input.dtype)
    try must(input.color == "RGB", "input.color", input.color)
    let cropPx = input.shape.count == 4 ? input.shape[2] : 0
    let shape = input.layout == "NHWC" ? [1, cropPx, cropPx, 3] : [1, 3, cropPx, cropPx]
    try must(input.shape == shape, "input.shape", input.shape)
    let asItIs = input.mean == [0, 0, 0] && input.std == [1, 1, 1]
    try must(input.dtype == "float32" || asItIs, "input.mean and std of uint8", input)
    let meanings = fields.outputs.map(\.meaning).sorted()
    try must(meanings == ["cells", "scores"] || meanings == ["heatmaps"], "outputs", meanings)
    try must(fields.gridCells.count == 3, "grid_cells", fields.gridCells)
    // Files that do not say it are of a time when there was only the mean.
    let position = fields.position ?? "mean"
    try must(position == "mean" || position == "peak", "position", position)
    let (sigma, power) = (fields.peakSigmaCells ?? .nan, fields.peakPower ?? .nan)
    try must(position == "mean" || sigma > 0, "peak_sigma_cells", sigma)
    try must(position == "mean" || power > 0, "peak_power", power)
    let root = fields.root.flatMap { fields.joints.firstIndex(of: $0) }
    try must(root != nil, "root", fields.root ?? "null")
    return ModelFile(
        name: fields.name,
        file: fields.file,
        input: input,
        outputs: fields.outputs,
        cropPx: cropPx,
        gridCells: fields.gridCells,
        depthRangeMm: fields.depthRangeMm,
        position: position,
        peakSigmaCells: sigma,
        peakPower: power,
        scoreRadiusCells: fields.scoreRadiusCells,
        scoreSureMass: fields.scoreSureMass,
        joints: fields.joints,
        edges: fields.edges,
        flipPairs: fields.flipPairs,
        root: root!
    )
}

/// A crop, P × P × 3 RGB bytes, as the bytes of the network's input tensor.
public func toInput(_ crop: [UInt8], model: ModelFile) -> Data {
    let pixels = model.cropPx * model.cropPx
    let isNhwc = model.input.layout == "NHWC"
    let pixelStride = isNhwc ? 3 : 1
    let channelStride = isNhwc ? 1 : pixels
    var bytes = [UInt8](repeating: 0, count: model.input.dtype == "uint8" ? 3 * pixels : 0)
    var floats = [Float](repeating: 0, count: model.input.dtype == "uint8" ? 0 : 3 * pixels)
    for channel in 0..<3 {
        let (mean, std) = (model.input.mean[channel], model.input.std[channel])
        for pixel in 0..<pixels {
            let value = crop[3 * pixel + channel]
            let to = pixel * pixelStride + channel * channelStride
            if bytes.isEmpty {
                floats[to] = Float((Double(value) - mean) / std)
            } else {
                bytes[to] = value
            }
        }
    }
    return bytes.isEmpty ? floats.withUnsafeBytes { Data($0) } : Data(bytes)
}
