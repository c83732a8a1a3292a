// Camera frames in, crops out.

package mobilehumanpose

import kotlin.math.abs
import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sqrt

/** Interleaved bytes of a picture, as cameras give them. [order] is RGB, RGBA or BGRA. */
class Frame(
    val bytes: ByteArray,
    val width: Int,
    val height: Int,
    order: String,
    bytesPerRow: Int = 0,
) {
    val bytesPerPixel = order.length

    /** Given as 0 where no row is padded. */
    val bytesPerRow = if (bytesPerRow == 0) width * bytesPerPixel else bytesPerRow

    /** Where red, green and blue stand among a pixel's bytes. */
    val rgbAt = IntArray(3) { order.indexOf("RGB"[it]) }

    init {
        require(order == "RGB" || order == "RGBA" || order == "BGRA") { "frame of order $order" }
        val needed = (height - 1) * this.bytesPerRow + width * bytesPerPixel
        require(this.bytesPerRow >= width * bytesPerPixel && bytes.size >= needed) {
            "frame of ${bytes.size} bytes: too few for $width × $height $order"
        }
    }
}

/**
 * RGB from full-range YUV 4:2:0 (JFIF, BT.601), which phone cameras give; u and v may be planes
 * ([uvBytesPerPixel] 1) or share one (2, each of them starting at its first byte).
 */
fun rgbFromYuv(
    y: ByteArray,
    u: ByteArray,
    v: ByteArray,
    width: Int,
    height: Int,
    yBytesPerRow: Int,
    uvBytesPerRow: Int,
    uvBytesPerPixel: Int,
): Frame {
    val bytes = ByteArray(width * height * 3)
    var at = 0
    for (row in 0 until height) {
        for (column in 0 until width) {
            val luma = (y[row * yBytesPerRow + column].toInt() and 0xff).toDouble()
            val chroma = (row shr 1) * uvBytesPerRow + (column shr 1) * uvBytesPerPixel
            val blue = (u[chroma].toInt() and 0xff) - 128
            val red = (v[chroma].toInt() and 0xff) - 128
            bytes[at++] = nearestByte(luma + 1.402 * red)
            bytes[at++] = nearestByte(luma - 0.344136 * blue - 0.714136 * red)
            bytes[at++] = nearestByte(luma + 1.772 * blue)
        }
    }
    return Frame(bytes, width, height, "RGB")
}

/** Halves go to the even number, as OpenCV rounds them. */
private fun nearestByte(value: Double): Byte = Math.rint(value).toInt().coerceIn(0, 255).toByte()

/**
 * Cuts a crop, cropPx × cropPx × 3 RGB bytes: bilinear, black beyond the frame.
 *
 * Where the crop shrinks the frame to half or less, whole areas of it are averaged first, since
 * bilinear sampling would skip pixels.
 * @param affine from frame px to crop px.
 */
fun warpCrop(frame: Frame, affine: Affine, cropPx: Int): ByteArray {
    val shrink = 1 / sqrt(abs(affine.a * affine.e - affine.b * affine.d))
    if (shrink < 2) return warp(frame, affine, cropPx)
    val factor = shrink.toInt()
    val width = max(1, frame.width / factor)
    val height = max(1, frame.height / factor)
    val x = frame.width.toDouble() / width
    val y = frame.height.toDouble() / height
    // A pixel's centre is at its index + 0.5 before and after.
    val full = composeAffine(Affine(x, 0.0, x / 2 - 0.5, 0.0, y, y / 2 - 0.5), affine)
    return warp(averaged(frame, width, height, full, cropPx), full, cropPx)
}

private fun warp(frame: Frame, affine: Affine, cropPx: Int): ByteArray {
    val bytes = frame.bytes
    val width = frame.width
    val height = frame.height
    val (a, b, c, d, e, f) = invertAffine(affine)
    val crop = ByteArray(cropPx * cropPx * 3)
    for (row in 0 until cropPx) {
        for (column in 0 until cropPx) {
            val x = a * column + b * row + c
            val y = d * column + e * row + f
            val left = floor(x).toInt()
            val top = floor(y).toInt()
            if (left < -1 || top < -1 || left >= width || top >= height) continue
            val right = x - left
            val down = y - top
            // Weights of the four pixels; those beyond the frame are black.
            val hasLeft = if (left >= 0) 1 - right else 0.0
            val hasRight = if (left + 1 < width) right else 0.0
            val hasTop = if (top >= 0) 1 - down else 0.0
            val hasBottom = if (top + 1 < height) down else 0.0
            val x0 = max(left, 0) * frame.bytesPerPixel
            val x1 = min(left + 1, width - 1) * frame.bytesPerPixel
            val y0 = max(top, 0) * frame.bytesPerRow
            val y1 = min(top + 1, height - 1) * frame.bytesPerRow
            val to = (row * cropPx + column) * 3
            for (channel in 0 until 3) {
                val at = frame.rgbAt[channel]
                crop[to + channel] = nearestByte(
                    hasTop * (hasLeft * (bytes[y0 + x0 + at].toInt() and 0xff) +
                        hasRight * (bytes[y0 + x1 + at].toInt() and 0xff)) +
                        hasBottom * (hasLeft * (bytes[y1 + x0 + at].toInt() and 0xff) +
                            hasRight * (bytes[y1 + x1 + at].toInt() and 0xff))
                )
            }
        }
    }
    return crop
}

/** The frame at a smaller size, each pixel the mean of its area, where the crop will look. */
private fun averaged(frame: Frame, width: Int, height: Int, affine: Affine, cropPx: Int): Frame {
    val inverse = invertAffine(affine)
    val last = cropPx - 1.0
    val corners = listOf(0.0 to 0.0, last to 0.0, 0.0 to last, last to last)
        .map { (x, y) -> applyAffine(inverse, doubleArrayOf(x, y)) }
    fun range(axis: Int, size: Int): IntRange {
        val first = max(0, floor(corners.minOf { it[axis] }).toInt())
        return first until min(size, floor(corners.maxOf { it[axis] }).toInt() + 2)
    }
    val across = frame.width.toDouble() / width
    val along = frame.height.toDouble() / height
    val area = across * along
    // Halves go up in blocks of 2 × 2, which OpenCV adds as integers.
    val up = if (across == 2.0 && along == 2.0) 0.1 else 0.0
    val small = ByteArray(width * height * 3)
    val columns = range(0, width)
    for (row in range(1, height)) {
        val y0 = row * along
        val y1 = min(y0 + along, frame.height.toDouble())
        for (column in columns) {
            val x0 = column * across
            val x1 = min(x0 + across, frame.width.toDouble())
            var red = 0.0
            var green = 0.0
            var blue = 0.0
            var y = y0.toInt()
            while (y < y1) {
                val weightY = min(y + 1.0, y1) - max(y.toDouble(), y0)
                var x = x0.toInt()
                while (x < x1) {
                    val weight = weightY * (min(x + 1.0, x1) - max(x.toDouble(), x0))
                    val at = y * frame.bytesPerRow + x * frame.bytesPerPixel
                    red += weight * (frame.bytes[at + frame.rgbAt[0]].toInt() and 0xff)
                    green += weight * (frame.bytes[at + frame.rgbAt[1]].toInt() and 0xff)
                    blue += weight * (frame.bytes[at + frame.rgbAt[2]].toInt() and 0xff)
                    x++
                }
                y++
            }
            val to = (row * width + column) * 3
            small[to] = nearestByte(red / area + up)
            small[to + 1] = nearestByte(green / area + up)
            small[to + 2] = nearestByte(blue / area + up)
        }
    }
    return Frame(small, width, height, "RGB")
}
