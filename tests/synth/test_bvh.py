"""BVH: positions worked out by hand, and messages that name the line."""

import numpy as np
import pytest

from mobilehumanpose.errors import UserError
from mobilehumanpose.synth.bvh import parse_bvh

FILE = """HIERARCHY
ROOT hip
{
  OFFSET 0 10 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT arm
  {
    OFFSET 2 0 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 3 0 0
    }
  }
  JOINT leg
  {
    OFFSET 0 -4 0
    CHANNELS 3 Yrotation Xrotation Zrotation
  }
}
MOTION
Frames: 3
Frame Time: 0.04
0 0 0  0 0 0  0 0 0  0 0 0
1 2 3  90 0 0  0 90 0  0 0 0
0 0 0  0 0 0  90 0 90  0 0 0
"""


def places(text: str = FILE) -> dict[str, np.ndarray]:
    bvh = parse_bvh(text, "clip.bvh")
    _, positions = bvh.forward_kinematics()
    return dict(zip(bvh.joint_names, np.moveaxis(positions, 1, 0), strict=True))


def test_hand_worked_positions():
    at = places()
    np.testing.assert_allclose(at["hip"], [[0, 0, 0], [1, 2, 3], [0, 0, 0]], atol=1e-12)
    # Frame 1: the hip turned by 90° about z takes x to y, and -y to x.
    np.testing.assert_allclose(at["arm"][1], [1, 4, 3], atol=1e-12)
    np.testing.assert_allclose(at["leg"][1], [5, 2, 3], atol=1e-12)
    # The arm then turns about its own x, which its end lies on.
    np.testing.assert_allclose(at["arm.end"][1], [1, 7, 3], atol=1e-12)


def test_channels_apply_in_the_order_listed():
    # Frame 2 turns the arm by Rz(90°) Ry(90°): x goes to -z by Ry, and stays there by Rz.
    np.testing.assert_allclose(places()["arm.end"][2], [2, 0, -3], atol=1e-12)
    # Ry(90°) Rz(90°) instead takes x to y, and leaves it there.
    swapped = FILE.replace("Zrotation Xrotation Yrotation", "Yrotation Xrotation Zrotation")
    np.testing.assert_allclose(places(swapped)["arm.end"][2], [2, 3, 0], atol=1e-12)


def test_bones_keep_their_length():
    at = places()
    np.testing.assert_allclose(np.linalg.norm(at["arm"] - at["hip"], axis=1), 2)
    np.testing.assert_allclose(np.linalg.norm(at["arm.end"] - at["arm"], axis=1), 3)


def test_what_it_tells_of_the_file():
    bvh = parse_bvh(FILE, "clip.bvh")
    assert bvh.joint_names == ["hip", "arm", "arm.end", "leg"]
    assert bvh.parents.tolist() == [-1, 0, 1, 0]
    assert bvh.frame_time_s == 0.04
    assert bvh.rotations.shape == (3, 4, 3, 3)


def test_a_root_without_position_channels_stays_at_its_offset():
    text = FILE.replace("6 Xposition Yposition Zposition", "3")
    head, _, table = text.partition("Frame Time: 0.04\n")
    rows = [" ".join(line.split()[3:]) for line in table.splitlines()]
    at = places(f"{head}Frame Time: 0.04\n" + "\n".join(rows))
    np.testing.assert_allclose(at["hip"], [[0, 10, 0]] * 3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("HIERARCHY", "HIERARCHIE", "line 1: 'HIERARCHIE' where HIERARCHY"),
        ("OFFSET 2 0 0", "OFFSET 2 0", "line 9: 'CHANNELS' where an offset"),
        ("OFFSET 2 0 0", "OFFSET 2 0 nan", "line 8: 'nan' where an offset"),
        ("Xrotation Yrotation\n", "Xrotation Wrotation\n", "line 9: 'Wrotation' where Xposition"),
        ("CHANNELS 3 Zrot", "CHANNELS 2.5 Zrot", "line 9: 2.5 where the number of channels"),
        ("JOINT leg", "JOINT arm", "line 16: a second joint 'arm'"),
        ("JOINT leg", "BONE leg", "line 15: 'BONE' where JOINT or End or }"),
        ("}\nMOTION", "MOTION", "ends where JOINT or End or } should stand"),
        ("MOTION", "MOVEMENT", "has no line MOTION"),
        ("Frames: 3", "Frames: 4", "36 values in the motion; 4 frames of 12 channels are 48"),
        ("1 2 3 ", "1 2 x ", "not a number in the motion"),
        ("1 2 3 ", "1 2 inf ", "a value of the motion is not finite"),
        ("Frame Time: 0.04", "Frame Time: fast", "not a number in the motion"),
    ],
)
def test_a_malformed_file_is_told(old, new, message):
    assert old in FILE
    with pytest.raises(UserError) as error:
        parse_bvh(FILE.replace(old, new), "clip.bvh")
    assert str(error.value).startswith("clip.bvh")
    assert message in str(error.value)
