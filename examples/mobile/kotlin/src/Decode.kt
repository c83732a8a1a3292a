// From what the network answers to pixels to camera millimetres.

package mobilehumanpose

import java.nio.FloatBuffer
import kotlin.math.abs
import kotlin.math.exp
import kotlin.math.max
import kotlin.math.min
import kotlin.math.pow
import kotlin.math.sqrt

/** Between the means of adult women and men. */
const val DEFAULT_STATURE_MM = 1700.0

/** A segment's part across the line of sight is at least this share of its length. */
private const val MIN_ACROSS = 0.1

/** The nearest that a joint can be to the camera. */
private const val MIN_JOINT_DEPTH_MM = 100.0
private const val PLACEMENT_ROUNDS = 12

/** Ends of a segment, each the middle of its joints, and its length as a share of stature. */
private val SEGMENTS = listOf(
    Triple(listOf("L_Shoulder", "R_Shoulder"), listOf("L_Hip", "R_Hip"), 0.288),
    Triple(listOf("L_Shoulder"), listOf("L_Elbow"), 0.186),
    Triple(listOf("R_Shoulder"), listOf("R_Elbow"), 0.186),
    Triple(listOf("L_Elbow"), listOf("L_Wrist"), 0.146),
    Triple(listOf("R_Elbow"), listOf("R_Wrist"), 0.146),
    Triple(listOf("L_Hip"), listOf("L_Knee"), 0.245),
    Triple(listOf("R_Hip"), listOf("R_Knee"), 0.245),
    Triple(listOf("L_Knee"), listOf("L_Ankle"), 0.246),
    Triple(listOf("R_Knee"), listOf("R_Ankle"), 0.246),
)

/** [x, y, z] of each joint on the grid, and scores 0…1. */
class Joints(val cells: List<DoubleArray>, val scores: DoubleArray)

/** The outputs of a model that was exported with its head, joint by joint. */
fun listJoints(cells: FloatBuffer, scores: FloatBuffer, model: ModelFile): Joints = Joints(
    model.joints.indices.map { j -> DoubleArray(3) { cells.get(3 * j + it).toDouble() } },
    DoubleArray(model.joints.size) { scores.get(it).toDouble() },
)

/**
 * Cells and scores from a model that was exported with --heatmaps.
 *
 * The softmax of all cells of a joint is its probability; the position is its expectation, or in the
 * picture, where the model says so, that of a sharper form of it. The
 * score is the probability of the picture's cells near that position, over all depths.
 * @param heatmaps logits of shape [1, J·D, H, W] or [1, H, W, J·D]; channel = joint · D + depth.
 */
fun softArgmax(heatmaps: FloatArray, model: ModelFile): Joints {
    val (width, height, depth) = model.gridCells
    val channels = model.joints.size * depth
    val shape = model.outputs[0].shape
    val isNchw = shape[1] == channels && shape[2] == height
    val cellStride = if (isNchw) 1 else channels
    val channelStride = if (isNchw) width * height else 1
    val radiusSquared = model.scoreRadiusCells * model.scoreRadiusCells
    val plane = DoubleArray(width * height)
    val cells = ArrayList<DoubleArray>()
    val scores = DoubleArray(model.joints.size)
    for (joint in model.joints.indices) {
        val start = joint * depth * channelStride
        var largest = Float.NEGATIVE_INFINITY
        for (layer in 0 until depth) {
            for (cell in plane.indices) {
                largest = max(largest, heatmaps[start + layer * channelStride + cell * cellStride])
            }
        }
        plane.fill(0.0)
        var total = 0.0
        var z = 0.0
        for (layer in 0 until depth) {
            var mass = 0.0
            for (cell in plane.indices) {
                val logit = heatmaps[start + layer * channelStride + cell * cellStride]
                val p = exp(logit.toDouble() - largest)
                plane[cell] += p
                mass += p
            }
            z += mass * layer
            total += mass
        }
        var x = 0.0
        var y = 0.0
        val located = if (model.position == "peak") sharpened(plane, model) else plane
        var locatedTotal = 0.0
        for (cell in plane.indices) {
            x += located[cell] * (cell % width)
            y += located[cell] * (cell / width)
            locatedTotal += located[cell]
        }
        x /= locatedTotal
        y /= locatedTotal
        z /= total
        var near = 0.0
        for (cell in plane.indices) {
            val right = cell % width - x
            val down = cell / width - y
            if (right * right + down * down <= radiusSquared) near += plane[cell]
        }
        cells.add(doubleArrayOf(x, y, z))
        scores[joint] = min(1.0, near / total / model.scoreSureMass)
    }
    return Joints(cells, scores)
}

/** The picture's cells of a joint, smoothed by a Gaussian and raised to a power: its peak alone. */
private fun sharpened(plane: DoubleArray, model: ModelFile): DoubleArray {
    val (width, height) = model.gridCells
    val bell = DoubleArray(max(width, height)) { exp(-(it / model.peakSigmaCells).pow(2) / 2) }
    val rows = DoubleArray(plane.size)
    val smooth = DoubleArray(plane.size)
    for (y in 0 until height) for (x in 0 until width) for (from in 0 until width) {
        rows[y * width + x] += bell[abs(x - from)] * plane[y * width + from]
    }
    for (y in 0 until height) for (from in 0 until height) for (x in 0 until width) {
        smooth[y * width + x] += bell[abs(y - from)] * rows[from * width + x]
    }
    val largest = smooth.max()
    return DoubleArray(plane.size) { (smooth[it] / largest).pow(model.peakPower) }
}

class PhotoJoints(val keypointsPx: List<DoubleArray>, val depthMm: DoubleArray)

/**
 * Cells → px of the photo, and depth behind the root in mm.
 * @param affine from photo to crop.
 */
fun cellsToPhoto(cells: List<DoubleArray>, affine: Affine, model: ModelFile): PhotoJoints {
    val inverse = invertAffine(affine)
    val (width, height, depth) = model.gridCells
    val depthsMm = cells.map { (it[2] / depth - 0.5) * model.depthRangeMm }
    return PhotoJoints(
        cells.map {
            val x = it[0] * model.cropPx / width
            val y = it[1] * model.cropPx / height
            applyAffine(inverse, doubleArrayOf(x, y))
        },
        // The root's depth is zero by definition; the network's answer for it is its error.
        DoubleArray(cells.size) { depthsMm[it] - depthsMm[model.root] },
    )
}

/**
 * Joints in the camera's space, in mm, from 2D, depth behind the root and the person's stature.
 *
 * In turns: seen from the present guess of the root's distance, the pose is widened or narrowed
 * across the line of sight until its segments have the lengths that the stature asks for; then it
 * is moved to where it projects onto its 2D joints.
 */
fun placeInCamera(
    keypointsPx: List<DoubleArray>,
    depthMm: DoubleArray,
    scores: DoubleArray,
    model: ModelFile,
    camera: Camera,
    statureMm: Double = DEFAULT_STATURE_MM,
): List<DoubleArray> {
    fun indices(names: List<String>) = names.map { name ->
        model.joints.indexOf(name).also {
            require(it >= 0) { "model ${model.name} has no joint $name, which placing takes" }
        }
    }
    fun mean(joints: List<Int>, value: (Int) -> Double) = joints.sumOf { value(it) } / joints.size
    val weights = DoubleArray(scores.size) { max(scores[it], 1e-3) }
    val starts = SEGMENTS.map { indices(it.first) }
    val ends = SEGMENTS.map { indices(it.second) }
    fun at(rootDepthMm: Double) = keypointsPx.mapIndexed { j, point ->
        val z = rootDepthMm + depthMm[j]
        doubleArrayOf(
            (point[0] - camera.cx) / camera.fx * z,
            (point[1] - camera.cy) / camera.fy * z,
            z,
        )
    }

    val nearestMm = MIN_JOINT_DEPTH_MM - depthMm.min()
    var rootDepthMm = max(nearestMm, 2 * statureMm)
    repeat(PLACEMENT_ROUNDS) {
        val points = at(rootDepthMm)
        val root = points[model.root]
        val relative = points.map { point -> DoubleArray(3) { point[it] - root[it] } }
        // Least squares for s² in Σ weight · (s² · across − wanted)².
        var numerator = 0.0
        var denominator = 0.0
        for ((segment, definition) in SEGMENTS.withIndex()) {
            val (start, end) = starts[segment] to ends[segment]
            val (x, y, z) = DoubleArray(3) { axis ->
                mean(end) { relative[it][axis] } - mean(start) { relative[it][axis] }
            }
            val lengthMm = definition.third * statureMm
            val least = MIN_ACROSS * lengthMm
            val across = x * x + y * y
            val wanted = max(lengthMm * lengthMm - z * z, least * least)
            // As sure as its less sure end.
            val weight = min(mean(start) { weights[it] }, mean(end) { weights[it] })
            numerator += weight * across * wanted
            denominator += weight * across * across
        }
        require(denominator > 0) { "a pose whose joints all lie on one pixel cannot be placed" }
        val widen = sqrt(numerator / denominator)
        val widened = relative.map { doubleArrayOf(it[0] * widen, it[1] * widen, it[2]) }
        val translation = fitTranslation(keypointsPx, widened, camera, weights)
        rootDepthMm = max(nearestMm, translation[2])
    }
    return at(rootDepthMm)
}
