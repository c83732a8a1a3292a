"""A body of boxes on the real rig's bones: tests of posing need no body model with it."""

import itertools

import numpy as np

from mobilehumanpose.synth.anny_arrays import BodyArrays

#: Bones of the middle and of the left side with parent and head in mm, about as on hm08.
MIDDLE = {
    "root": ("", (0, -75, 65)),
    "spine05": ("root", (0, -88, -13)),
    "spine04": ("spine05", (0, -170, 26)),
    "spine03": ("spine04", (0, -240, 12)),
    "spine02": ("spine03", (0, -320, 13)),
    "spine01": ("spine02", (0, -449, 23)),
    "neck01": ("spine01", (0, -633, -12)),
    "neck02": ("neck01", (0, -662, -21)),
    "neck03": ("neck02", (0, -704, -32)),
    "head": ("neck03", (0, -733, -47)),
}
LEFT = {
    "pelvis": ("root", (0, -88, -13)),
    "upperleg01": ("pelvis", (110, -76, -4)),
    "upperleg02": ("upperleg01", (109, 13, -30)),
    "lowerleg01": ("upperleg02", (144, 310, -37)),
    "lowerleg02": ("lowerleg01", (165, 535, -23)),
    "foot": ("lowerleg02", (186, 742, -6)),
    "toe1-2": ("foot", (158, 795, -180)),
    "toe2-1": ("foot", (181, 791, -155)),
    "toe2-3": ("toe2-1", (184, 799, -191)),
    "clavicle": ("spine01", (23, -558, -26)),
    "shoulder01": ("clavicle", (106, -576, -29)),
    "upperarm01": ("shoulder01", (177, -536, -23)),
    "upperarm02": ("upperarm01", (228, -476, -27)),
    "lowerarm01": ("upperarm02", (353, -342, -33)),
    "lowerarm02": ("lowerarm01", (411, -281, -111)),
    "wrist": ("lowerarm02", (474, -220, -192)),
    "finger1-1": ("wrist", (475, -212, -239)),
    "finger1-2": ("finger1-1", (453, -204, -261)),
    "finger1-3": ("finger1-2", (441, -189, -293)),
    "finger2-1": ("wrist", (503, -179, -292)),
    "finger2-2": ("finger2-1", (506, -163, -314)),
    "finger2-3": ("finger2-2", (506, -147, -331)),
    "finger3-1": ("wrist", (519, -167, -274)),
    "finger3-2": ("finger3-1", (527, -140, -295)),
    "finger3-3": ("finger3-2", (530, -118, -314)),
    "finger4-1": ("wrist", (527, -159, -256)),
    "finger4-2": ("finger4-1", (537, -134, -271)),
    "finger4-3": ("finger4-2", (542, -112, -284)),
    "finger5-1": ("wrist", (529, -149, -236)),
    "finger5-2": ("finger5-1", (535, -130, -244)),
    "finger5-3": ("finger5-2", (537, -115, -250)),
}
HALF_BOX_MM = 12.0
HEAD_HEIGHT_MM = 130.0
#: The six sides of a box whose corners count z, y, x like bits, counter-clockwise from outside.
_SIDES = ((0, 4, 6, 2), (1, 3, 7, 5), (0, 1, 5, 4), (2, 6, 7, 3), (0, 2, 3, 1), (4, 5, 7, 6))
VARIATIONS = [
    *("african", "asian", "caucasian", "male", "female", "young", "old"),
    *("minmuscle", "averagemuscle", "maxmuscle", "minweight", "averageweight", "maxweight"),
    *("minheight", "maxheight", "idealproportions", "uncommonproportions"),
    *("mincup", "averagecup", "maxcup", "minfirmness", "averagefirmness", "maxfirmness"),
]


def tiny_arrays() -> BodyArrays:
    """A box at each bone's head, the head's reaching up to the crown.

    The blend shapes make the tall 10 % longer and the short as much shorter, and fat men wider.
    """
    bones = {name: (parent, np.array(head, float)) for name, (parent, head) in MIDDLE.items()}
    for side, mirror in (("L", 1.0), ("R", -1.0)):
        for name, (parent, head) in LEFT.items():
            parent = parent if parent in MIDDLE else f"{parent}.{side}"
            bones[f"{name}.{side}"] = parent, np.array(head, float) * (mirror, 1, 1)
    names = list(bones)
    corners = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))[:, ::-1] * HALF_BOX_MM
    vertices, triangles, weights = [], [], []
    for index, (name, (parent, head)) in enumerate(bones.items()):
        box = corners.copy()
        if name == "head":
            box[box[:, 1] < 0, 1] = -HEAD_HEIGHT_MM
            box[0] = 0, -HEAD_HEIGHT_MM - 10, 0  # the crown
        for a, b, c, d in _SIDES:
            triangles += [[8 * index + i for i in (a, b, c)], [8 * index + i for i in (a, c, d)]]
        vertices.append(head + box)
        weight = np.zeros((8, len(names)), np.float32)
        weight[:, index] = 1
        if parent and name != "head":  # one corner hangs on the parent as much as on the bone
            weight[0, [index, names.index(parent)]] = 0.5
        weights.append(weight)
    heads = np.array([head for _, head in bones.values()])
    points = np.concatenate([*vertices, heads]).astype(np.float32)
    vertex_count = 8 * len(names)
    taller = points * np.float32([0, 0.1, 0])
    wider = points * np.float32([0.2, 0, 0.2])
    factors = np.zeros((3, len(VARIATIONS)), bool)
    for row, variations in enumerate((["minheight"], ["maxheight"], ["maxweight", "male"])):
        factors[row, [VARIATIONS.index(name) for name in variations]] = True
    heights = points[:vertex_count, 1]
    faces = np.array(triangles, np.int32)
    return BodyArrays(
        template_mm=points,
        blend_shapes_mm=np.stack([-taller, taller, wider]),
        blend_shape_factors=factors,
        variation_names=VARIATIONS,
        skin_weights=np.concatenate(weights),
        bone_names=names,
        bone_parents=np.array([names.index(p) if p else -1 for p, _ in bones.values()], np.int32),
        skin_triangles=faces,
        skin_uv=np.zeros((len(faces), 3, 2), np.float32),
        eye_triangles=np.zeros(len(faces), bool),
        crown_vertex=int(heights.argmin()),
        sole_vertex=int(heights.argmax()),
    )
