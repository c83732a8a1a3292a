// The numbers of golden.json, which the Python package made, from this code. Argument: its path.

import java.io.File
import java.nio.FloatBuffer
import kotlin.math.abs
import kotlin.math.max
import kotlin.system.exitProcess
import mobilehumanpose.*
import org.json.JSONArray
import org.json.JSONObject

lateinit var golden: JSONObject
lateinit var model: ModelFile

fun JSONArray.numbers() = DoubleArray(length()) { getDouble(it) }
fun JSONArray.points() = List(length()) { getJSONArray(it).numbers() }
fun JSONArray.bytes() = ByteArray(length()) { getInt(it).toByte() }
fun JSONObject.numbers(name: String) = getJSONArray(name).numbers()
fun JSONObject.points(name: String) = getJSONArray(name).points()
fun JSONObject.size() = getJSONArray("size").let { it.getInt(0) to it.getInt(1) }
fun cases(name: String) = golden.getJSONArray(name).let { all -> List(all.length()) { all.getJSONObject(it) } }

fun check(holds: Boolean, what: () -> String) {
    if (!holds) throw AssertionError(what())
}

fun close(actual: DoubleArray?, expected: DoubleArray?, tolerance: Double = 2e-6) {
    if (expected == null) return check(actual == null) { "${actual?.toList()}, not null" }
    check(actual?.size == expected.size) { "${actual?.size} numbers, not ${expected.size}" }
    for (i in expected.indices) {
        val off = abs(actual!![i] - expected[i])
        check(off <= tolerance * max(1.0, abs(expected[i]))) { "[$i]: ${actual[i]}, not ${expected[i]}" }
    }
}

fun close(actual: List<DoubleArray>, expected: List<DoubleArray>, tolerance: Double = 2e-6) {
    check(actual.size == expected.size) { "${actual.size} points, not ${expected.size}" }
    actual.zip(expected) { a, e -> close(a, e, tolerance) }
}

fun refused(pattern: String, act: () -> Unit) {
    val error = runCatching(act).exceptionOrNull()
    check(error is IllegalArgumentException && pattern in error.message!!) { "'$pattern': $error" }
}

fun boxOf(n: DoubleArray) = Box(n[0], n[1], n[2], n[3])
fun Box.listed() = doubleArrayOf(x, y, width, height)
fun viewOf(n: DoubleArray) = CropView(boxOf(n), n[4])
fun CropView.listed() = square.listed() + leanDegrees
fun affineOf(n: DoubleArray) = Affine(n[0], n[1], n[2], n[3], n[4], n[5])
fun Affine.listed() = doubleArrayOf(a, b, c, d, e, f)
fun cameraOf(n: DoubleArray) = Camera(n[0], n[1], n[2], n[3])
fun changed(field: String, value: Any) = JSONObject(golden.getJSONObject("model").toString()).put(field, value).toString()

/** The same waves as make_golden.picture, with any bytes a pixel and any padding of rows. */
fun picture(width: Int, height: Int, order: String, padding: Int = 0): Frame {
    val bytesPerRow = width * order.length + padding
    val bytes = ByteArray(bytesPerRow * height)
    for (y in 0 until height) for (x in 0 until width) for (c in 0 until 3) {
        val value = abs(((5 + c) * x + (3 + 2 * c) * y + 90 * c) % 510 - 255)
        bytes[y * bytesPerRow + x * order.length + order.indexOf("RGB"[c])] = value.toByte()
    }
    return Frame(bytes, width, height, order, bytesPerRow)
}

fun testModel() {
    check(model.cropPx == 24 && model.joints[model.root] == "Pelvis") { "fields" }
    val input = golden.getJSONObject("model").getJSONObject("input")
    fun inputWith(field: String, value: Any) = JSONObject(input.toString()).put(field, value)
    refused("field format ") { readModel(changed("format", "other")) }
    refused("field format_version") { readModel(changed("format_version", 2)) }
    refused("field root") { readModel(changed("root", "Tail")) }
    refused("field position") { readModel(changed("position", "middle")) }
    val unsmoothed = JSONObject(changed("position", "peak")).put("peak_sigma_cells", 0).toString()
    refused("field peak_sigma_cells") { readModel(unsmoothed) }
    refused("field grid_cells") { readModel(changed("grid_cells", JSONArray(listOf(32, 32)))) }
    refused("field input.layout") { readModel(changed("input", inputWith("layout", "CHWN"))) }
    refused("field input.dtype") { readModel(changed("input", inputWith("dtype", "int8"))) }
    refused("field input.mean") { readModel(changed("input", inputWith("dtype", "uint8"))) }
    refused("field input.color") { readModel(changed("input", inputWith("color", "BGR"))) }
    refused("field input.shape") {
        readModel(changed("input", inputWith("shape", JSONArray(listOf(1, 24, 24, 3)))))
    }
    val cells = JSONObject(mapOf("name" to "cells", "shape" to JSONArray(), "meaning" to "cells"))
    refused("field outputs") { readModel(changed("outputs", JSONArray(listOf(cells)))) }
}

fun testGeometry() {
    for (case in cases("boxes")) {
        val (width, height) = case.size()
        val square = if (case.isNull("square")) null else case.numbers("square")
        close(processBox(boxOf(case.numbers("box")), width, height)?.listed(), square)
    }
    for (case in cases("affines")) {
        val affine = cropAffine(boxOf(case.numbers("box")), case.getInt("crop_px"), case.getDouble("degrees"))
        close(affine.listed(), case.numbers("affine"))
        close(invertAffine(affine).listed(), case.numbers("inverse"))
        close(composeAffine(affine, invertAffine(affine)).listed(), doubleArrayOf(1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    }
    for (case in cases("upright")) {
        val (width, height) = case.size()
        val affine = uprightFromSensor(case.getInt("degrees"), width, height)
        close(case.points("sensor").map { applyAffine(affine, it) }, case.points("upright"))
    }
    refused("rotation 45") { uprightFromSensor(45, 7, 5) }
    for (case in cases("cameras")) {
        val (width, height) = case.size()
        val camera = cameraFromFov(case.getDouble("degrees"), width, height)
        close(doubleArrayOf(camera.fx, camera.fy, camera.cx, camera.cy), case.numbers("camera"))
    }
    for (case in cases("translations")) {
        val camera = cameraOf(case.numbers("camera"))
        val (keypointsPx, relativeMm) = case.points("keypoints_px") to case.points("relative_mm")
        val weights = case.numbers("weights")
        close(fitTranslation(keypointsPx, relativeMm, camera, weights), case.numbers("translation_mm"))
        refused("different pixels") {
            fitTranslation(keypointsPx.map { doubleArrayOf(5.0, 5.0) }, relativeMm, camera, weights)
        }
    }
}

fun testFrame() {
    for (case in cases("warps")) {
        val (width, height) = case.size()
        val expected = case.getString("crop").chunked(2).map { it.toInt(16) }
        for ((order, padding) in listOf("RGB" to 0, "RGBA" to 12, "BGRA" to 0)) {
            val affine = affineOf(case.numbers("affine"))
            val crop = warpCrop(picture(width, height, order, padding), affine, case.getInt("crop_px"))
            check(crop.size == expected.size) { "${crop.size} bytes" }
            val off = crop.mapIndexed { i, value -> abs((value.toInt() and 0xff) - expected[i]) }
            check(off.max() <= 1 && off.average() <= 0.01) { "$width $order: ${off.max()} ${off.average()}" }
        }
    }
    refused("99 bytes") { Frame(ByteArray(99), 10, 10, "RGBA") }
    val yuv = golden.getJSONObject("yuv")
    val (width, height) = yuv.size()
    val (y, u, v) = listOf("y", "u", "v").map { yuv.getJSONArray(it).bytes() }
    val planar = rgbFromYuv(y, u, v, width, height, width, width / 2, 1)
    yuv.getJSONArray("rgb").bytes().forEachIndexed { i, value ->
        check(abs((planar.bytes[i].toInt() and 0xff) - (value.toInt() and 0xff)) <= 1) { "RGB at $i" }
    }
    val both = ByteArray(2 * u.size) { if (it % 2 == 0) u[it / 2] else v[it / 2] }
    val shared = rgbFromYuv(y, both, both.copyOfRange(1, both.size), width, height, width, width, 2)
    check(shared.bytes.contentEquals(planar.bytes)) { "shared planes" }
}

fun testInput() {
    val crop = picture(24, 24, "RGB").bytes
    val plane = 24 * 24
    val case = golden.getJSONObject("input")
    val nchw = toInput(crop, model)
    val rows = List(3) { c -> DoubleArray(5) { nchw.getFloat(4 * (c * plane + 24 + it)).toDouble() } }
    close(rows, case.points("nchw"))
    val sum = (0 until 3 * plane).sumOf { nchw.getFloat(4 * it).toDouble() }
    close(doubleArrayOf(sum), doubleArrayOf(case.getDouble("sum")), 1e-4)
    val input = JSONObject(golden.getJSONObject("model").getJSONObject("input").toString())
    input.put("shape", JSONArray(listOf(1, 24, 24, 3))).put("layout", "NHWC")
    val nhwc = toInput(crop, readModel(changed("input", input)))
    for (i in 0 until 3 * plane) {
        check(nhwc.getFloat(4 * i) == nchw.getFloat(4 * (i % 3 * plane + i / 3))) { "layout at $i" }
    }
    input.put("dtype", "uint8")
    input.put("mean", JSONArray(listOf(0, 0, 0))).put("std", JSONArray(listOf(1, 1, 1)))
    val bytes = toInput(crop, readModel(changed("input", input)))
    check(crop.indices.all { bytes.get(it) == crop[it] }) { "bytes" }
}

fun testDecode() {
    val (width, height, depth) = model.gridCells
    val channels = 21 * depth
    val plane = width * height
    val values = FloatArray(channels * plane) { i -> (i * 7919L % 1009).let { it * it / 65536f } }
    val case = golden.getJSONObject("heatmaps")
    values[case.getInt("sure_index")] = 60f
    val outputs = JSONArray(
        listOf(JSONObject(mapOf("name" to "heatmaps", "meaning" to "heatmaps", "shape" to JSONArray(listOf(1, height, width, channels)))))
    )
    val nhwc = FloatArray(values.size) { values[it % channels * plane + it / channels] }
    val mean = case.getJSONObject("mean")
    for (found in listOf(softArgmax(values, model), softArgmax(nhwc, readModel(changed("outputs", outputs))))) {
        close(found.cells, mean.points("cells"), 1e-5)
        close(found.scores, mean.numbers("scores"), 1e-5)
    }
    val peak = softArgmax(values, readModel(changed("position", "peak")))
    close(peak.cells, case.getJSONObject("peak").points("cells"), 1e-5)
    close(peak.scores, case.getJSONObject("peak").numbers("scores"), 1e-5)
    val listed = listJoints(FloatBuffer.wrap(FloatArray(63) { it.toFloat() }), FloatBuffer.wrap(FloatArray(21) { it / 21f }), model)
    close(listed.cells[20], doubleArrayOf(60.0, 61.0, 62.0))
    close(doubleArrayOf(listed.scores[7]), doubleArrayOf(1 / 3.0))
    val photo = golden.getJSONObject("photo")
    val found = cellsToPhoto(photo.points("cells"), affineOf(photo.numbers("affine")), model)
    close(found.keypointsPx, photo.points("keypoints_px"))
    close(found.depthMm, photo.numbers("depth_mm"))
    for (place in cases("placements")) {
        val placed = placeInCamera(
            place.points("keypoints_px"), place.numbers("depth_mm"), place.numbers("scores"), model,
            cameraOf(place.numbers("camera")), place.getDouble("stature_mm"),
        )
        close(placed, place.points("keypoints_mm"))
    }
}

fun testTracking() {
    val thresholds = golden.getJSONObject("thresholds")
    for ((name, value) in listOf(
        "keep_score" to KEEP_SCORE, "find_score" to FIND_SCORE,
        "max_lean_degrees" to MAX_LEAN_DEGREES, "min_side_px" to MIN_SIDE_PX,
    )) check(value == thresholds.getDouble(name)) { "$name $value" }
    for (case in cases("searches")) {
        val (width, height) = case.size()
        close(searchViews(width, height).map { it.square.listed() }, case.points("squares"))
    }
    for (case in cases("next_views")) {
        val keypointsPx = case.points("keypoints_px")
        close(doubleArrayOf(torsoLeanDegrees(keypointsPx, model)!!), doubleArrayOf(case.getDouble("lean_degrees")))
        val next = nextView(viewOf(case.numbers("view")), keypointsPx, TIGHT, model)
        close(next.listed(), case.numbers("next"))
    }
    cases("portraits").forEach(::checkPortrait)
    val keypointsPx = cases("next_views")[0].points("keypoints_px")
    fun all(score: Double) = DoubleArray(21) { score }
    val tracker = Tracker(model, 640, 480)
    val searches = searchViews(640, 480)
    for (i in 0 until searches.size + 2) {
        check(tracker.view == searches[i % searches.size]) { "search $i" }
        check(!tracker.see(keypointsPx, all(FIND_SCORE - 0.01))) { "seen in search $i" }
    }
    val followed = nextView(tracker.view, keypointsPx, TIGHT, model)
    check(tracker.see(keypointsPx, all(FIND_SCORE + 0.01)) && tracker.view == followed) { "found" }
    check(tracker.see(keypointsPx, all(KEEP_SCORE + 0.01)) && tracker.view == followed) { "kept" }
    check(!tracker.see(keypointsPx, all(KEEP_SCORE - 0.01)) && tracker.view == searches[0]) { "lost" }
    val square = Box(1.0, 2.0, 30.0, 30.0)
    tracker.follow(square)
    check(tracker.view == CropView(square)) { "given" }
    check(tracker.see(keypointsPx, all(KEEP_SCORE + 0.01))) { "given and seen" }

    val flips = golden.getJSONObject("flips")
    val back = flipJoints(flipPointsPx(flips.points("mirrored_px"), flips.getInt("width")), model)
    close(back, flips.points("keypoints_px"))

    val case = golden.getJSONObject("one_euro")
    val filter = OneEuro()
    close(doubleArrayOf(filter.minCutoffHz, filter.beta, filter.speedCutoffHz), case.numbers("constants"))
    val (values, times) = case.points("values") to case.numbers("times_s")
    val size = case.getDouble("size")
    close(values.mapIndexed { i, it -> filter.filter(it, times[i], size) }, case.points("smooth"))
    refused("does not come after") { filter.filter(values[0], times[0], size) }
    filter.reset()
    close(filter.filter(values[0], times[0], size), values[0])
}

/** The framing of a portrait; and a tracker that follows it until the person steps back. */
fun checkPortrait(case: JSONObject) {
    val (width, height) = case.size()
    val (keypointsPx, backPx) = case.points("keypoints_px") to case.points("back_px")
    val (view, next, back, tight) = listOf("view", "next", "back", "tight").map { case.numbers(it) }
    val framing = framingOf(viewOf(view), keypointsPx, width, height)
    close(doubleArrayOf(framing.scale) + framing.offset, case.numbers("framing"))
    close(nextView(viewOf(view), keypointsPx, framing, model).listed(), next)
    close(nextView(viewOf(next), backPx, framing, model).listed(), back)
    close(nextView(viewOf(back), backPx, TIGHT, model).listed(), tight)
    if (view[4] != 0.0) return // nobody is searched in turned views
    val tracker = Tracker(model, width, height)
    fun see(pointsPx: List<DoubleArray>, score: Double) = tracker.see(pointsPx, DoubleArray(21) { score })
    repeat(case.getInt("search")) { check(!see(keypointsPx, 0.0)) { "seen in search $it" } }
    for ((before, pointsPx) in listOf(view to keypointsPx, next to keypointsPx, next to backPx, back to backPx)) {
        close(tracker.view.listed(), before)
        check(see(pointsPx, 0.9)) { "lost" }
    }
    close(tracker.view.listed(), tight)
}

fun main(arguments: Array<String>) {
    golden = JSONObject(File(arguments[0]).readText())
    model = readModel(golden.getJSONObject("model").toString())
    val tests = listOf(::testModel, ::testGeometry, ::testFrame, ::testInput, ::testDecode, ::testTracking)
    var failed = 0
    for (test in tests) {
        val error = runCatching { test() }.exceptionOrNull()
        println("${if (error == null) "ok" else "FAILED"} ${test.name} ${error ?: ""}".trim())
        if (error != null) failed++
    }
    println("${tests.size - failed} passed, $failed failed")
    exitProcess(if (failed == 0) 0 else 1)
}
