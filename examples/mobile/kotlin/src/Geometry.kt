// Boxes, affine maps and pinhole cameras. Pixel (0, 0) is the centre of the first pixel.

package mobilehumanpose

import kotlin.math.cos
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sin
import kotlin.math.tan

/** How far a crop reaches beyond the person's box. */
const val BOX_MARGIN = 1.25

/** Across the longer side of the picture, for cameras that nobody knows. */
const val DEFAULT_FOV_DEGREES = 55.0

data class Box(val x: Double, val y: Double, val width: Double, val height: Double)

/** x' = a·x + b·y + c, y' = d·x + e·y + f. */
data class Affine(
    val a: Double, val b: Double, val c: Double,
    val d: Double, val e: Double, val f: Double,
)

/** x right, y down, z forward. */
data class Camera(val fx: Double, val fy: Double, val cx: Double, val cy: Double)

/** A camera whose longer image side spans [degrees]. */
fun cameraFromFov(degrees: Double, width: Int, height: Int): Camera {
    val focal = max(width, height) / 2.0 / tan(Math.toRadians(degrees) / 2)
    return Camera(focal, focal, width / 2.0, height / 2.0)
}

/** The box around joints, enlarged about its centre: joints lie inside the body. */
fun tightBox(pointsPx: List<DoubleArray>, enlarge: Double = 1.2): Box {
    val left = pointsPx.minOf { it[0] }
    val right = pointsPx.maxOf { it[0] }
    val top = pointsPx.minOf { it[1] }
    val bottom = pointsPx.maxOf { it[1] }
    val width = (right - left) * enlarge
    val height = (bottom - top) * enlarge
    return Box((left + right - width) / 2, (top + bottom - height) / 2, width, height)
}

/**
 * A person's box clipped to the picture, made square and widened: what is cropped.
 * It may reach beyond the picture. Null where nothing of the box lies inside.
 */
fun processBox(box: Box, imageWidth: Int, imageHeight: Int, margin: Double = BOX_MARGIN): Box? {
    val left = max(0.0, box.x)
    val top = max(0.0, box.y)
    val right = min(imageWidth - 1.0, left + max(0.0, box.width - 1))
    val bottom = min(imageHeight - 1.0, top + max(0.0, box.height - 1))
    if (!(box.width * box.height > 0 && right >= left && bottom >= top)) return null
    val side = max(right - left, bottom - top) * margin
    if (side <= 0) return null
    return Box((left + right - side) / 2, (top + bottom - side) / 2, side, side)
}

/** The map from photo px to the px of a crop of the box, turned about the box's centre. */
fun cropAffine(box: Box, cropPx: Int, rotationDegrees: Double = 0.0): Affine {
    val angle = Math.toRadians(rotationDegrees)
    val right = cropPx / box.width
    val down = cropPx / box.height
    val a = cos(angle) * right
    val b = sin(angle) * right
    val d = -sin(angle) * down
    val e = cos(angle) * down
    val x = box.x + box.width / 2
    val y = box.y + box.height / 2
    return Affine(a, b, cropPx / 2.0 - a * x - b * y, d, e, cropPx / 2.0 - d * x - e * y)
}

fun invertAffine(affine: Affine): Affine {
    val (a, b, c, d, e, f) = affine
    val det = a * e - b * d
    return Affine(e / det, -b / det, (b * f - e * c) / det, -d / det, a / det, (d * c - a * f) / det)
}

/** [first], then [second], as one map. */
fun composeAffine(first: Affine, second: Affine): Affine {
    val (a, b, c, d, e, f) = second
    val (p, q, r, s, t, u) = first
    return Affine(
        a * p + b * s, a * q + b * t, a * r + b * u + c,
        d * p + e * s, d * q + e * t, d * r + e * u + f,
    )
}

fun applyAffine(affine: Affine, point: DoubleArray): DoubleArray {
    val (x, y) = point
    return doubleArrayOf(
        affine.a * x + affine.b * y + affine.c,
        affine.d * x + affine.e * y + affine.f,
    )
}

/**
 * The map from the px of a sensor's frame to those of the picture held upright.
 * @param clockwiseDegrees by which the frame must be turned: 0, 90, 180 or 270.
 * @param width of the frame as the sensor gives it.
 */
fun uprightFromSensor(clockwiseDegrees: Int, width: Int, height: Int): Affine =
    when (clockwiseDegrees) {
        0 -> Affine(1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
        90 -> Affine(0.0, -1.0, height - 1.0, 1.0, 0.0, 0.0)
        180 -> Affine(-1.0, 0.0, width - 1.0, 0.0, -1.0, height - 1.0)
        270 -> Affine(0.0, 1.0, 0.0, -1.0, 0.0, width - 1.0)
        else -> throw IllegalArgumentException(
            "rotation $clockwiseDegrees: 0, 90, 180 or 270 degrees are possible"
        )
    }

/**
 * The translation in mm that makes a root-relative pose project onto its 2D joints.
 *
 * From x·(Z + z) = X + x_mm, with x in focal lengths from the principal point: two equations a
 * joint, linear in (X, Y, Z), solved by weighted least squares. X and Y go out with the weighted
 * means; what is left has one unknown.
 */
fun fitTranslation(
    keypointsPx: List<DoubleArray>,
    relativeMm: List<DoubleArray>,
    camera: Camera,
    weights: DoubleArray,
): DoubleArray {
    val rays = keypointsPx.map {
        doubleArrayOf((it[0] - camera.cx) / camera.fx, (it[1] - camera.cy) / camera.fy)
    }
    // X − x·Z = right for each axis.
    val rights = relativeMm.indices.map { j ->
        DoubleArray(2) { axis -> rays[j][axis] * relativeMm[j][2] - relativeMm[j][axis] }
    }
    val total = weights.sum()
    fun mean(value: (Int) -> Double) = weights.indices.sumOf { weights[it] * value(it) } / total
    val rayMean = DoubleArray(2) { axis -> mean { rays[it][axis] } }
    val rightMean = DoubleArray(2) { axis -> mean { rights[it][axis] } }
    var product = 0.0
    var spread = 0.0
    for (axis in 0 until 2) {
        product += mean { (rays[it][axis] - rayMean[axis]) * (rights[it][axis] - rightMean[axis]) }
        spread += mean { (rays[it][axis] - rayMean[axis]) * (rays[it][axis] - rayMean[axis]) }
    }
    require(spread > 1e-18) { "placing a pose takes joints at different pixels" }
    val z = -product / spread
    return doubleArrayOf(rightMean[0] + rayMean[0] * z, rightMean[1] + rayMean[1] * z, z)
}
