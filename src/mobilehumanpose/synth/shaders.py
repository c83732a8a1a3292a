"""The renderer's programs, in GLSL 3.30. World space is in mm with y down and the ground at 0."""

VERTEX = """
#version 330
in vec3 in_position;
in vec3 in_normal;
in vec2 in_uv;
in vec2 in_zone;
uniform mat4 camera;
uniform bool is_painted;
uniform vec4 top_reach;     // collar, hem, sleeve, looseness in mm
uniform vec4 bottom_reach;  // waist, cuff, shoe, looseness in mm
uniform vec2 glove_reach;   // beginning, looseness in mm
out vec3 world;
out vec3 normal;
out vec2 uv;
out vec2 zone;
void main() {
    world = in_position;
    if (is_painted) {
        bool is_arm = in_zone.x >= 0.0;
        bool top = is_arm ? in_zone.x < top_reach.z
            : in_zone.y > top_reach.x && in_zone.y < top_reach.y;
        bool bottom = !is_arm && in_zone.y > bottom_reach.x && in_zone.y < bottom_reach.y;
        // Looser towards the hem: cloth hangs.
        float down = clamp(is_arm ? in_zone.x * 1.5 : in_zone.y + 1.0, 0.2, 1.0);
        bool glove = is_arm && in_zone.x > glove_reach.x;
        world += in_normal * (glove ? glove_reach.y
            : top ? top_reach.w * down : bottom ? bottom_reach.w : 0.0);
    }
    normal = in_normal;
    uv = in_uv;
    zone = in_zone;
    gl_Position = camera * vec4(world, 1.0);
}
"""

#: Depth as the light sees it.
SHADOW_FRAGMENT = """
#version 330
in vec2 uv;
uniform sampler2D surface;
uniform bool cut_alpha;
void main() {
    if (cut_alpha && texture(surface, uv).a < 0.35) discard;
}
"""

#: Light that arrives, shared by surfaces and by the ground of a backdrop.
_LIGHT = """
uniform mat4 light;
uniform sampler2DShadow shadow;
uniform vec3 to_sun;
uniform vec3 sun_rgb;
uniform vec3 sky_rgb;
uniform vec3 ground_rgb;
uniform int num_contacts;
uniform vec4 contacts[16];  // x and z on the ground, radius, strength

float sunlit(vec3 at, vec3 n) {
    vec4 p = light * vec4(at + n * 12.0, 1.0);
    vec3 c = p.xyz * 0.5 + 0.5;
    if (any(lessThan(c, vec3(0.0))) || any(greaterThan(c, vec3(1.0)))) return 1.0;
    float sum = 0.0;
    float step = 1.2 / float(textureSize(shadow, 0).x);
    for (int i = 0; i < 4; i++) {
        vec2 offset = vec2(i % 2, i / 2) * 2.0 - 1.0;
        sum += texture(shadow, vec3(c.xy + offset * step, c.z - 0.002));
    }
    return sum / 4.0;
}

// Where bodies come near the ground they keep the sky's light away.
float openness(vec3 at) {
    float open = 1.0;
    for (int i = 0; i < num_contacts; i++) {
        vec2 away = (at.xz - contacts[i].xy) / contacts[i].z;
        float bell = max(1.0 - 0.25 * dot(away, away), 0.0);
        open *= 1.0 - contacts[i].w * bell * bell;
    }
    return open;
}
"""

#: What of the surfaces' program some meshes need and others are spared: indexing into colours
#: by pixel is slow on a processor.
VARIANTS = {"plain": "", "garment": "PARTS", "skin": "PAINTED", "hair": "CUT"}

SURFACE_FRAGMENT = (
    """
#version 330
in vec3 world;
in vec3 normal;
in vec2 uv;
in vec2 zone;
layout(location = 0) out vec4 color;
layout(location = 1) out float who;
uniform sampler2D surface;
uniform vec3 surface_mean;
uniform float uv_scale;
uniform float gloss;
uniform float person;
uniform vec3 eye;
uniform float exposure;
// Of the whole, of the lower part, and of painted top, bottom, shoes, hair and gloves.
uniform vec4 tint[7];            // rgb, amount
uniform vec4 pattern_rgb[7];     // rgb, kind
uniform float pattern_scale[7];
uniform float lower_from;
uniform vec4 top_reach;
uniform vec4 bottom_reach;
uniform vec2 glove_reach;
// Folds of cloth: slopes of a height in space, how high, and where in it a place lies.
uniform sampler3D folds;
uniform float folds_range;
uniform float folds_mm;
uniform mat3 folds_per_mm;
uniform vec3 folds_shift;
"""
    + _LIGHT
    + """
vec3 folded(vec3 n, float share) {
    vec3 slope = (texture(folds, folds_per_mm * world + folds_shift).rgb - 0.5) * folds_range;
    slope = slope * folds_per_mm * folds_mm * share;
    return normalize(n - slope + dot(slope, n) * n);
}

vec3 recolored(vec3 own, int part, vec2 at) {
    float light_and_dark = dot(own, vec3(0.2126, 0.7152, 0.0722));
    float mean = dot(surface_mean, vec3(0.2126, 0.7152, 0.0722));
    vec3 wanted = tint[part].rgb;
    int kind = int(pattern_rgb[part].a);
    vec2 cell = fract(at * pattern_scale[part]);
    bool second = (kind == 1 && cell.y < 0.5) || (kind == 2 && cell.x < 0.5)
        || (kind == 3 && (cell.x < 0.5) != (cell.y < 0.5))
        || (kind == 4 && distance(cell, vec2(0.5)) < 0.28);
    float amount = tint[part].a;
    if (second) { wanted = pattern_rgb[part].rgb; amount = max(amount, 0.8); }
    float relief = clamp(light_and_dark / max(mean, 0.02), 0.0, 2.5);
    return mix(own, wanted * relief, amount);
}

void main() {
    vec4 own = texture(surface, uv * uv_scale);
#ifdef CUT
    if (own.a < 0.35) discard;
#endif
    vec3 albedo = own.rgb * own.rgb;  // a display's gamma of 2 is near enough, and cheap
#ifdef PARTS
    albedo = recolored(albedo, zone.y > lower_from ? 1 : 0, uv);
#else
    albedo = recolored(albedo, 0, uv);
#endif
    float shine = gloss;
    float folds_share = 1.0;
#ifdef PAINTED
    {
        bool is_arm = zone.x >= 0.0;
        vec2 at = vec2(uv.x * 4.0, is_arm ? zone.x : zone.y);
        int part = 0;
        if (is_arm ? zone.x < top_reach.z : zone.y > top_reach.x && zone.y < top_reach.y) part = 2;
        if (!is_arm && zone.y > bottom_reach.x && zone.y < bottom_reach.y && part == 0) part = 3;
        if (!is_arm && zone.y > bottom_reach.z) part = 4;
        if (!is_arm && zone.y < -2.4) part = 5;
        if (is_arm && zone.x > glove_reach.x) part = 6;
        if (part > 0) { albedo = recolored(surface_mean, part, at); shine = 0.0; }
        // Muscles and tendons are shallower, heads smooth.
        folds_share = part == 2 || part == 3 ? 1.0 : !is_arm && zone.y < -1.0 ? 0.0 : 0.3;
    }
#endif
    vec3 to_eye = normalize(eye - world);
    vec3 n = normalize(normal);
    if (dot(n, to_eye) < 0.0) n = -n;
    if (folds_share * folds_mm > 0.0) n = folded(n, folds_share);
    float open = world.y > -8.0 ? openness(world) : 1.0;
    vec3 sky = mix(ground_rgb, sky_rgb, 0.5 - 0.5 * n.y) * open;
    float facing = max(dot(n, to_sun), 0.0);
    float lit = facing > 0.0 ? sunlit(world, n) : 0.0;
    vec3 arriving = sky + sun_rgb * facing * lit;
    vec3 half_way = normalize(to_eye + to_sun);
    float sharp = max(dot(n, half_way), 0.0);
    sharp *= sharp; sharp *= sharp; sharp *= sharp; sharp *= sharp * sharp;  // to the 24th
    vec3 highlight = sun_rgb * lit * shine * sharp;
    vec3 seen = (albedo * arriving + highlight) * exposure;
    seen = seen / (1.0 + max(seen - 0.6, 0.0));  // a soft shoulder, as film and sensors have
    color = vec4(sqrt(clamp(seen, 0.0, 1.0)), 1.0);
    who = person / 255.0;
}
"""
)

#: Darkens the backdrop where something keeps light from the ground.
CATCHER_FRAGMENT = (
    """
#version 330
in vec3 world;
layout(location = 0) out vec4 color;
uniform float fade_mm;
"""
    + _LIGHT
    + """
void main() {
    float sun = dot(sun_rgb, vec3(1.0 / 3.0)) * max(-to_sun.y, 0.05);
    float sky = dot(sky_rgb, vec3(1.0 / 3.0));
    float lit = sunlit(world, vec3(0.0, -1.0, 0.0));
    float arriving = (sky * openness(world) + sun * lit) / (sky + sun);
    float near = 1.0 - smoothstep(0.6, 1.0, length(world.xz) / fade_mm);
    color = vec4(0.0, 0.0, 0.0, (1.0 - sqrt(arriving)) * near);
}
"""
)

BACKDROP_VERTEX = """
#version 330
in vec2 in_corner;
out vec2 at;  // 0 to 1 over the picture, y down
void main() {
    at = in_corner * 0.5 + 0.5;
    gl_Position = vec4(in_corner, 0.0, 1.0);
}
"""

BACKDROP_FRAGMENT = """
#version 330
in vec2 at;
layout(location = 0) out vec4 color;
layout(location = 1) out float who;
uniform sampler2D surface;
uniform int kind;            // 0 picture, 1 panorama, 2 sky
uniform vec4 window;         // of the picture: u, v, width, height; width < 0 is mirrored
uniform float blur_lod;
uniform vec3 gain;
uniform mat3 ray_from_px;    // world direction of (x, y, 1), x and y over the picture
uniform float yaw;
uniform float eye_height_mm;
uniform vec3 sky_rgb;
uniform vec3 horizon_rgb;

const float PI = 3.14159265;
//: How far around the camera the panorama's lower half lies on the ground, and its own height.
const float GROUND_MM = 12000.0;
const float PANORAMA_HEIGHT_MM = 1500.0;

void main() {
    vec3 seen;
    if (kind == 0) {
        seen = textureLod(surface, window.xy + at * window.zw, blur_lod).rgb;
    } else {
        vec3 ray = normalize(ray_from_px * vec3(at, 1.0));
        if (kind == 1) {
            if (ray.y > 0.0 && eye_height_mm > 0.0) {
                float along = min(eye_height_mm / ray.y, GROUND_MM);
                vec3 point = ray * along;
                ray = normalize(vec3(point.x, point.y - eye_height_mm + PANORAMA_HEIGHT_MM
                    * min(1.0, GROUND_MM * ray.y / eye_height_mm), point.z));
            }
            float u = (atan(ray.x, ray.z) + yaw) / (2.0 * PI) + 0.5;
            float v = acos(clamp(-ray.y, -1.0, 1.0)) / PI;
            seen = textureLod(surface, vec2(u, v), blur_lod).rgb;
        } else {
            seen = mix(horizon_rgb, sky_rgb, sqrt(clamp(-ray.y, 0.0, 1.0)));
        }
    }
    color = vec4(clamp(seen * gain, 0.0, 1.0), 1.0);
    who = 0.0;
}
"""


def variant(fragment: str, name: str) -> str:
    """The program with the name of ``VARIANTS`` switched on."""
    first, rest = fragment.lstrip().split("\n", 1)
    return f"{first}\n#define {VARIANTS[name]}\n{rest}" if VARIANTS[name] else fragment
