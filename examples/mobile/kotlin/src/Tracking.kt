// One person over the frames of a camera: where to look next, and how to calm what is seen.

package mobilehumanpose

import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.atan2
import kotlin.math.cos
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sin

/** People who lean by less are shown upright enough. */
const val MAX_LEAN_DEGREES = 20.0

/** Joints that lie within this are no person's extent. */
const val MIN_SIDE_PX = 8.0

/** A person is lost whose mean score falls below this, and found from FIND_SCORE on. */
const val KEEP_SCORE = 0.3
const val FIND_SCORE = 0.47

/** A square of the photo, turned clockwise: what leans by so much stands upright in it. */
data class CropView(val square: Box, val leanDegrees: Double = 0.0)

/**
 * How a view lies about the square around the joints that are seen in it.
 * @param scale the view's side by that of the square.
 * @param offset from the square's centre to the view's, in sides of the square, along the view's
 *   own axes.
 */
class Framing(val scale: Double, val offset: DoubleArray)

/** People are followed in views that end where they do. */
val TIGHT = Framing(1.0, doubleArrayOf(0.0, 0.0))

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
    val box = tightBox(pointsPx.map { turned(it, -leanDegrees) })
    val (x, y) = turned(doubleArrayOf(box.x + box.width / 2, box.y + box.height / 2), leanDegrees)
    val side = max(box.width, box.height) * BOX_MARGIN
    return Box(x - side / 2, y - side / 2, side, side)
}

/** A point turned clockwise about (0, 0). */
private fun turned(point: DoubleArray, degrees: Double): DoubleArray {
    val (x, y) = point
    val cos = cos(Math.toRadians(degrees))
    val sin = sin(Math.toRadians(degrees))
    return doubleArrayOf(cos * x - sin * y, sin * x + cos * y)
}

/** The square around all joints; null where they have no extent. */
private fun squareAround(keypointsPx: List<DoubleArray>, leanDegrees: Double): Box? =
    turnedSquare(keypointsPx, leanDegrees).takeIf { it.width >= MIN_SIDE_PX }

/**
 * How to go on looking at what was found in [view], in a picture of this size.
 *
 * [TIGHT], but for a portrait: what was found in a view larger than the picture is understood in
 * such a view only. In a tight one collar and chest would be taken for a whole body, and the view
 * would shrink with every frame.
 */
fun framingOf(view: CropView, keypointsPx: List<DoubleArray>, width: Int, height: Int): Framing {
    val around = squareAround(keypointsPx, view.leanDegrees)
    val side = view.square.width
    if (around == null || side <= max(width, height)) return TIGHT
    val further = (side - around.width) / 2
    val shift = doubleArrayOf(view.square.x - around.x + further, view.square.y - around.y + further)
    val (right, down) = turned(shift, -view.leanDegrees)
    return Framing(side / around.width, doubleArrayOf(right / around.width, down / around.width))
}

/**
 * Where to look in the next frame, by what was seen in [view]: about all joints, turned as the
 * torso leans where that has changed; the same again where the joints have no extent.
 */
fun nextView(view: CropView, keypointsPx: List<DoubleArray>, framing: Framing, model: ModelFile): CropView {
    val lean = torsoLeanDegrees(keypointsPx, model)
    var leanDegrees = view.leanDegrees
    if (lean != null && abs((lean - leanDegrees + 180).mod(360.0) - 180) > MAX_LEAN_DEGREES) {
        leanDegrees = lean
    }
    val around = squareAround(keypointsPx, leanDegrees) ?: return view
    val (right, down) = turned(framing.offset, leanDegrees)
    val side = around.width * framing.scale
    val x = around.x + around.width * (0.5 + right) - side / 2
    val y = around.y + around.width * (0.5 + down) - side / 2
    return CropView(Box(x, y, side, side), leanDegrees)
}

/**
 * Follows one person: says where to look in each frame, and learns from what was seen there.
 * For frames of this size, as they are held upright.
 */
class Tracker(private val model: ModelFile, private val width: Int, private val height: Int) {
    private val searches = searchViews(width, height)
    private var tracked: CropView? = null
    private var framing = TIGHT
    private var searched = 0

    /** Where to look in this frame: around the person, or in one of the places to search. */
    val view: CropView get() = tracked ?: searches[searched % searches.size]

    /** Follows whom a detector found; the square is processBox's. */
    fun follow(square: Box) {
        tracked = CropView(square)
        framing = TIGHT
    }

    /** Takes in what was seen in [view]. False where that is nobody: draw nothing then. */
    fun see(keypointsPx: List<DoubleArray>, scores: DoubleArray): Boolean {
        val view = this.view
        val score = scores.average()
        if (tracked == null) {
            if (score < FIND_SCORE) {
                searched++
                return false
            }
            framing = framingOf(view, keypointsPx, width, height)
        } else if (score < KEEP_SCORE) {
            tracked = null
            searched = 0
            return false
        }
        val next = nextView(view, keypointsPx, framing, model)
        if (next.square.width <= max(width, height)) {
            framing = TIGHT // a portrait whose person has stepped back
        }
        tracked = next
        return true
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
