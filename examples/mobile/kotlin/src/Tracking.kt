// One person over the frames of a camera: where to look next, and how to calm what is seen.

package mobilehumanpose

import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.atan2
import kotlin.math.cos
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sin

/** Joints below this score do not decide where the person is. */
const val BOX_MIN_SCORE = 0.3

/** Fewer sure joints say nothing of where the person is. */
const val BOX_MIN_JOINTS = 4

/** People who lean by less are shown upright enough. */
const val MAX_LEAN_DEGREES = 20.0

/** A person is lost whose mean score falls below this, and found from FIND_SCORE on. */
const val KEEP_SCORE = 0.25
const val FIND_SCORE = 0.4

/** A square of the photo, turned clockwise: what leans by so much stands upright in it. */
data class CropView(val square: Box, val leanDegrees: Double = 0.0)

/** The map from photo px to the px of the view's crop. */
fun viewAffine(view: CropView, cropPx: Int): Affine = cropAffine(view.square, cropPx, view.leanDegrees)

/**
 * Where to look while nobody is tracked: the whole picture, squares along it, and squares that
 * reach far below it, for portraits.
 */
fun searchViews(width: Int, height: Int): List<CropView> {
    val longer = max(width, height).toDouble()
    val shorter = min(width, height).toDouble()
    val squares = mutableListOf(Box((width - longer) / 2, (height - longer) / 2, longer, longer))
    for (share in if (longer > 1.2 * shorter) listOf(0.0, 0.5, 1.0) else listOf(0.0)) {
        val offset = share * (longer - shorter)
        val (x, y) = if (width >= height) offset to 0.0 else 0.0 to offset
        squares.add(Box(x, y, shorter, shorter))
    }
    for (scale in listOf(1.5, 2.0, 2.5)) {
        val side = scale * longer
        squares.add(Box((width - side) / 2, -0.08 * side, side, side))
    }
    return squares.map { CropView(it) }
}

/** How far the torso leans to the right of upright, −180…180; null where it has no length. */
fun torsoLeanDegrees(keypointsPx: List<DoubleArray>, model: ModelFile): Double? {
    fun middle(axis: Int, part: String) =
        (keypointsPx[model.joints.indexOf("L_$part")][axis] +
            keypointsPx[model.joints.indexOf("R_$part")][axis]) / 2
    val right = middle(0, "Shoulder") - middle(0, "Hip")
    val down = middle(1, "Shoulder") - middle(1, "Hip")
    return if (right == 0.0 && down == 0.0) null else Math.toDegrees(atan2(right, -down))
}

/** The square around points, in a crop turned by [leanDegrees]. */
fun turnedSquare(pointsPx: List<DoubleArray>, leanDegrees: Double): Box {
    val cos = cos(Math.toRadians(leanDegrees))
    val sin = sin(Math.toRadians(leanDegrees))
    val box = tightBox(pointsPx.map { (x, y) -> doubleArrayOf(cos * x + sin * y, cos * y - sin * x) })
    val x = box.x + box.width / 2
    val y = box.y + box.height / 2
    val side = max(box.width, box.height) * BOX_MARGIN
    return Box(cos * x - sin * y - side / 2, sin * x + cos * y - side / 2, side, side)
}

/**
 * Where to look in the next frame, by what was seen in [view]: around the sure joints, turned as
 * the torso leans; the same again where too few joints are sure; null where the person is lost.
 */
fun nextView(view: CropView, keypointsPx: List<DoubleArray>, scores: DoubleArray, model: ModelFile): CropView? {
    if (scores.average() < KEEP_SCORE) return null
    val sure = keypointsPx.filterIndexed { joint, _ -> scores[joint] >= BOX_MIN_SCORE }
    if (sure.size < BOX_MIN_JOINTS) return view
    val lean = torsoLeanDegrees(keypointsPx, model)
    var leanDegrees = view.leanDegrees
    if (lean != null && abs((lean - leanDegrees + 180).mod(360.0) - 180) > MAX_LEAN_DEGREES) {
        leanDegrees = lean
    }
    return CropView(turnedSquare(sure, leanDegrees), leanDegrees)
}

/**
 * Follows one person: says where to look in each frame, and learns from what was seen there.
 * For frames of this size, as they are held upright.
 */
class Tracker(private val model: ModelFile, width: Int, height: Int) {
    private val searches = searchViews(width, height)
    private var tracked: CropView? = null
    private var searched = 0

    /** Where to look in this frame: around the person, or in one of the places to search. */
    val view: CropView get() = tracked ?: searches[searched % searches.size]

    /** Follows whom a detector found; the square is processBox's. */
    fun follow(square: Box) {
        tracked = CropView(square)
    }

    /** Takes in what was seen in [view]. False where that is nobody: draw nothing then. */
    fun see(keypointsPx: List<DoubleArray>, scores: DoubleArray): Boolean {
        if (tracked == null && scores.average() < FIND_SCORE) {
            searched++
            return false
        }
        tracked = nextView(view, keypointsPx, scores, model)
        if (tracked == null) searched = 0
        return tracked != null
    }
}

/** The values of a mirrored picture's joints in the order of the true left and right. */
fun <T> flipJoints(values: List<T>, model: ModelFile): List<T> {
    val flipped = values.toMutableList()
    for ((left, right) in model.flipPairs) {
        flipped[left] = values[right]
        flipped[right] = values[left]
    }
    return flipped
}

/** Mirrors px: joints of a mirrored frame, as they are in the frame itself, or the other way. */
fun flipPointsPx(pointsPx: List<DoubleArray>, imageWidth: Int): List<DoubleArray> =
    pointsPx.map { point -> point.copyOf().also { it[0] = imageWidth - 1 - point[0] } }

/**
 * The one-euro filter (Casiez et al., CHI 2012): still at rest, quick when moving.
 *
 * The constants are MediaPipe's for poses. They count speeds in sizes of the person a second, so
 * that they hold for people near and far.
 */
class OneEuro(
    val minCutoffHz: Double = 0.05,
    val beta: Double = 80.0,
    val speedCutoffHz: Double = 1.0,
) {
    private var timeS = 0.0
    private var raw: DoubleArray? = null
    private var speeds = DoubleArray(0)
    private var smooth = DoubleArray(0)

    /** The smoothed values at a time; [size] is the person's, in the unit of the values. */
    fun filter(values: DoubleArray, timeS: Double, size: Double): DoubleArray {
        val before = raw
        if (before == null) {
            speeds = DoubleArray(values.size)
            smooth = values.copyOf()
        } else {
            val stepS = timeS - this.timeS
            require(stepS > 0) { "time $timeS s does not come after ${this.timeS} s" }
            fun share(cutoffHz: Double) = 1 / (1 + 1 / (2 * PI * cutoffHz * stepS))
            for (i in values.indices) {
                val speed = (values[i] - before[i]) / (size * stepS)
                speeds[i] += share(speedCutoffHz) * (speed - speeds[i])
                val cutoffHz = minCutoffHz + beta * abs(speeds[i])
                smooth[i] += share(cutoffHz) * (values[i] - smooth[i])
            }
        }
        this.timeS = timeS
        raw = values.copyOf()
        return smooth.copyOf()
    }

    /** Forgets, for when the person is lost. */
    fun reset() {
        raw = null
    }
}
