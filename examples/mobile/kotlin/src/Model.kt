// The JSON beside a model file, and what it asks for: how crops become the network's input.

package mobilehumanpose

import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.json.JSONArray
import org.json.JSONObject

class ModelInput(
    val name: String,
    /** [1, P, P, 3] for NHWC, [1, 3, P, P] for NCHW. */
    val shape: List<Int>,
    val layout: String,
    /** "uint8" or "float32". */
    val dtype: String,
    /** The app feeds (pixel − mean) / std; 0 and 1 where the graph scales by itself. */
    val mean: List<Double>,
    val std: List<Double>,
)

class ModelOutput(
    val name: String,
    val shape: List<Int>,
    /** "cells", "scores" or "heatmaps". */
    val meaning: String,
)

class ModelFile(
    val name: String,
    /** The model's file, beside the JSON. */
    val file: String,
    val input: ModelInput,
    val outputs: List<ModelOutput>,
    /** Side of the square crop. */
    val cropPx: Int,
    /** Cells along x, y and z. */
    val gridCells: List<Int>,
    val depthRangeMm: Double,
    /** How heat-maps become positions, "mean" or "peak", and what the peak takes. */
    val position: String,
    val peakSigmaCells: Double,
    val peakPower: Double,
    val scoreRadiusCells: Double,
    val scoreSureMass: Double,
    val joints: List<String>,
    val edges: List<List<Int>>,
    /** Pairs of joints that change places when the picture is mirrored. */
    val flipPairs: List<List<Int>>,
    /** Index of the joint whose depth is zero. */
    val root: Int,
)

/** Reads the JSON's text. Throws an IllegalArgumentException that names what cannot be. */
fun readModel(json: String): ModelFile {
    val fields = JSONObject(json)
    fun must(holds: Boolean, field: String, value: Any?) =
        require(holds) { "model JSON: field $field is $value" }
    must(fields.getString("format") == "mobilehumanpose-model", "format", fields.get("format"))
    must(fields.getInt("format_version") == 1, "format_version", fields.get("format_version"))
    val given = fields.getJSONObject("input")
    val input = ModelInput(
        name = given.getString("name"),
        shape = given.getJSONArray("shape").ints(),
        layout = given.getString("layout"),
        dtype = given.getString("dtype"),
        mean = given.getJSONArray("mean").doubles(),
        std = given.getJSONArray("std").doubles(),
    )
    must(input.layout == "NHWC" || input.layout == "NCHW", "input.layout", input.layout)
    must(input.dtype == "uint8" || input.dtype == "float32", "input.dtype", input.dtype)
    must(given.getString("color") == "RGB", "input.color", given.get("color"))
    val cropPx = input.shape.getOrElse(2) { 0 }
    val shape = if (input.layout == "NHWC") listOf(1, cropPx, cropPx, 3) else listOf(1, 3, cropPx, cropPx)
    must(input.shape == shape, "input.shape", input.shape)
    val asItIs = input.mean == listOf(0.0, 0.0, 0.0) && input.std == listOf(1.0, 1.0, 1.0)
    must(input.dtype == "float32" || asItIs, "input.mean and std of uint8", given)
    val outputs = fields.getJSONArray("outputs").objects().map {
        ModelOutput(it.getString("name"), it.getJSONArray("shape").ints(), it.getString("meaning"))
    }
    val meanings = outputs.map { it.meaning }.sorted()
    must(meanings == listOf("cells", "scores") || meanings == listOf("heatmaps"), "outputs", meanings)
    val gridCells = fields.getJSONArray("grid_cells").ints()
    must(gridCells.size == 3, "grid_cells", gridCells)
    // Files that do not say it are of a time when there was only the mean.
    val position = fields.optString("position", "mean")
    must(position == "mean" || position == "peak", "position", position)
    for (field in if (position == "peak") listOf("peak_sigma_cells", "peak_power") else listOf()) {
        must(fields.optDouble(field) > 0, field, fields.opt(field))
    }
    val joints = fields.getJSONArray("joints").strings()
    val root = joints.indexOf(fields.optString("root"))
    must(root >= 0, "root", fields.opt("root"))
    return ModelFile(
        name = fields.getString("name"),
        file = fields.getString("file"),
        input = input,
        outputs = outputs,
        cropPx = cropPx,
        gridCells = gridCells,
        depthRangeMm = fields.getDouble("depth_range_mm"),
        position = position,
        peakSigmaCells = fields.optDouble("peak_sigma_cells"),
        peakPower = fields.optDouble("peak_power"),
        scoreRadiusCells = fields.getDouble("score_radius_cells"),
        scoreSureMass = fields.getDouble("score_sure_mass"),
        joints = joints,
        edges = fields.getJSONArray("edges").lists().map { it.ints() },
        flipPairs = fields.getJSONArray("flip_pairs").lists().map { it.ints() },
        root = root,
    )
}

private fun JSONArray.ints() = List(length()) { getInt(it) }
private fun JSONArray.doubles() = List(length()) { getDouble(it) }
private fun JSONArray.strings() = List(length()) { getString(it) }
private fun JSONArray.objects() = List(length()) { getJSONObject(it) }
private fun JSONArray.lists() = List(length()) { getJSONArray(it) }

/** Room for the input tensor, to be filled again for every frame. */
fun newInput(model: ModelFile): ByteBuffer {
    val bytes = if (model.input.dtype == "uint8") 1 else 4
    return ByteBuffer.allocateDirect(3 * model.cropPx * model.cropPx * bytes).order(ByteOrder.nativeOrder())
}

/** A crop, P × P × 3 RGB bytes, as the network's input tensor; both runtimes take the buffer. */
fun toInput(crop: ByteArray, model: ModelFile, input: ByteBuffer = newInput(model)): ByteBuffer {
    val pixels = model.cropPx * model.cropPx
    val isNhwc = model.input.layout == "NHWC"
    val pixelStride = if (isNhwc) 3 else 1
    val channelStride = if (isNhwc) 1 else pixels
    for (channel in 0 until 3) {
        val mean = model.input.mean[channel]
        val std = model.input.std[channel]
        for (pixel in 0 until pixels) {
            val value = crop[3 * pixel + channel]
            val to = pixel * pixelStride + channel * channelStride
            if (model.input.dtype == "uint8") {
                input.put(to, value)
            } else {
                input.putFloat(4 * to, (((value.toInt() and 0xff) - mean) / std).toFloat())
            }
        }
    }
    return input
}
