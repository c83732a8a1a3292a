"""Garments: read from MakeHuman's files, fitted, and carried along by the body."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mobilehumanpose.errors import UserError
from mobilehumanpose.synth.body import Body
from mobilehumanpose.synth.recordings import AVERAGE
from mobilehumanpose.synth.rotations import from_vectors
from mobilehumanpose.synth.wardrobe import Wardrobe

MHCLO = """# a comment
basemesh hm08
tag Female
name cape
obj_file cape.obj
x_scale 0 8 2.0
y_scale 0 16 0.5
z_scale 8 16 4.0
z_depth 60
material cape.mhmat
verts 0
3
0 8 16 0.5 0.3 0.2 0.10 0.20 -0.30
0 8 16 0.5 0.7 -0.2 0.00 0.00 0.00
9 10 11 0.2 0.3 0.5 0.00 0.10 0.00

delete_verts
2 5 - 8
11
"""
OBJ = """v 0 0 0
v 0 0 0
v 0 0 0
v 0 0 0
vt 0.25 0.0
vt 1.0 0.0
vt 1.0 0.75
vt 0.0 1.0
f 1/1 2/2 3/3 4/4
f 1/1 2/2 1/3 4/4
"""
MHMAT = "name cape\ndiffuseTexture cape_diffuse.png\n"


def picture(mode: str) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (6, 4)).save(file, "JPEG" if mode == "RGB" else "PNG")
    return file.getvalue()


def files() -> dict[str, bytes]:
    return {
        "clothes/cape/cape.mhclo": MHCLO.encode(),
        "clothes/cape/cape.obj": OBJ.encode(),
        "clothes/cape/cape.mhmat": MHMAT.encode(),
        "clothes/cape/cape_diffuse.jpg": picture("RGB"),
        "skins/young.png": picture("RGBA"),
    }


def write(folder: Path, contents: dict[str, bytes]) -> Path:
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def wardrobe(tmp_path) -> Wardrobe:
    return Wardrobe.load(write(tmp_path, files()))


def test_what_the_files_say(wardrobe):
    (cape,) = wardrobe.garments
    assert (cape.name, cape.kind, cape.gender, cape.z_depth) == ("cape", "clothes", "female", 60)
    assert cape.hidden_vertices.tolist() == [2, 5, 6, 7, 8, 11]
    # Two triangles of the first face; those of the second have a corner twice.
    assert cape.triangles.tolist() == [[0, 1, 2], [0, 2, 3]]
    # v is told from the picture's upper left corner, where .obj starts at the lower left.
    np.testing.assert_allclose(cape.uv[0], [[0.25, 1], [1, 1], [1, 0.25]])


def test_textures(wardrobe):
    assert wardrobe.garments[0].texture == "clothes/cape/cape_diffuse.jpg"
    assert wardrobe.texture("clothes/cape/cape_diffuse.jpg").shape == (4, 6, 3)
    assert wardrobe.skins == ["skins/young.png"]
    assert wardrobe.texture("skins/young.png").shape == (4, 6, 4)


def test_a_zip_is_as_good_as_a_folder(tmp_path, wardrobe):
    with zipfile.ZipFile(tmp_path / "assets.zip", "w") as archive:
        for name, content in files().items():
            archive.writestr(name, content)
    zipped = Wardrobe.load(tmp_path / "assets.zip")
    assert [g.name for g in zipped.garments] == ["cape"]
    np.testing.assert_array_equal(zipped.garments[0].offsets, wardrobe.garments[0].offsets)
    assert zipped.texture("skins/young.png").shape == (4, 6, 4)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("hair/cape/cape.mhclo", {"kind": "hair"}),
        ("clothes/cape/cape.mhclo tag Shoes", {"kind": "shoes"}),
        ("clothes/cape/cape.mhclo tag Hats", {"kind": "hat"}),
    ],
)
def test_kinds(tmp_path, path, words):
    name, *tag = path.split(" ", 1)
    contents = files()
    mhclo = contents.pop("clothes/cape/cape.mhclo").decode()
    folder = str(Path(name).parent)
    contents[name] = mhclo.replace("tag Female", tag[0] if tag else "").encode()
    contents[f"{folder}/cape.obj"] = OBJ.encode()
    (garment,) = Wardrobe.load(write(tmp_path, contents)).garments
    assert garment.kind == words["kind"]
    assert garment.gender is None


def test_fit_by_hand(wardrobe, tiny_body):
    shape = tiny_body.shape(AVERAGE)
    v = shape.vertices_mm.astype(np.float64)
    fitted = wardrobe.garments[0].fit_at_rest(shape)
    np.testing.assert_allclose(fitted[0], v[3], atol=1e-3)
    unit = [abs(v[0, 0] - v[8, 0]) / 2, abs(v[0, 1] - v[16, 1]) / 0.5, abs(v[8, 2] - v[16, 2]) / 4]
    base = 0.5 * v[0] + 0.3 * v[8] + 0.2 * v[16]
    # MakeHuman's up is -y here, and its front -z.
    offset = np.array([0.1, -0.2, 0.3]) * unit
    np.testing.assert_allclose(fitted[1], base + offset, atol=1e-3)


def test_at_rest_the_fit_is_the_fit_at_rest(wardrobe, tiny_body):
    shape = tiny_body.shape(AVERAGE)
    posed = tiny_body.pose(shape, tiny_body.rest_rotations())
    moved = wardrobe.garments[0].fit(posed) - wardrobe.garments[0].fit_at_rest(shape)
    expected = posed.vertices_mm[0] - shape.vertices_mm[0]
    np.testing.assert_allclose(moved, np.tile(expected, (4, 1)), atol=1e-2)


def follows_a_rigid_motion(garment, body: Body, rotations: np.ndarray) -> None:
    shape = body.shape(AVERAGE)
    turn = from_vectors([1.0, 0.4, -0.7]).astype(np.float32)
    turned = rotations.copy()
    turned[body.bone_index["root"]] = turn @ rotations[body.bone_index["root"]]
    before = garment.fit(body.pose(shape, rotations))
    after = garment.fit(body.pose(shape, turned))
    np.testing.assert_allclose(after, before @ turn.T, atol=2e-2)


def test_it_follows_a_rigid_motion(wardrobe, tiny_body, random_pose):
    follows_a_rigid_motion(wardrobe.garments[0], tiny_body, random_pose(tiny_body))


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("cape.mhclo", "basemesh hm08", "basemesh hm09", "cape.mhclo: basemesh hm09; hm08"),
        ("cape.mhclo", "z_scale 8 16 4.0\n", "", "'z_scale'"),
        ("cape.mhclo", "\n3\n", "\n3\n3\n", "5 vertices, but 4 in its mesh"),
        ("cape.mhclo", "\n3\n", "\n19158\n", "a vertex hangs on one that hm08 lacks"),
        ("cape.mhclo", "0.10 0.20 -0.30", "0.10 zero -0.30", "'zero'"),
        ("cape.mhclo", "obj_file cape.obj", "obj_file hat.obj", "hat.obj: cannot be read"),
        ("cape.obj", "f 1/1 2/2 3/3 4/4", "f 1/1 2/2 9/3 4/4", "a vertex that is not there"),
    ],
)
def test_a_malformed_file_is_told(tmp_path, name, old, new, message):
    contents = files()
    path = f"clothes/cape/{name}"
    assert old in contents[path].decode()
    contents[path] = contents[path].decode().replace(old, new).encode()
    with pytest.raises(UserError) as error:
        Wardrobe.load(write(tmp_path, contents))
    assert message in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_other_mistakes_are_told(tmp_path, wardrobe):
    with pytest.raises(UserError, match="no such file or folder"):
        Wardrobe.load(tmp_path / "absent")
    (tmp_path / "no.zip").write_bytes(b"PK but no")
    with pytest.raises(UserError, match="not a zip file"):
        Wardrobe.load(tmp_path / "no.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no garment"):
        Wardrobe.load(tmp_path / "empty")
    (tmp_path / "skins" / "young.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"skins/young.png: damaged picture"):
        wardrobe.texture("skins/young.png")


@pytest.fixture(scope="module")
def makehuman(shared_dir) -> Wardrobe:
    return Wardrobe.load(shared_dir / "data" / "makehuman-cc0.zip")


def test_makehumans_wardrobe(makehuman):
    kinds = [garment.kind for garment in makehuman.garments]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "clothes": 12, "shoes": 6, "hat": 2, "hair": 10,
    }  # fmt: skip
    assert len(makehuman.skins) == 14
    for garment in makehuman.garments:
        assert garment.triangles.max() < len(garment.base_vertices)
        np.testing.assert_allclose(garment.base_weights.sum(axis=1), 1, atol=1e-3)


def test_makehumans_clothes_fit_any_build(makehuman, real_body):
    """A garment lies within a hand's breadth of the body's surface, on thin people and heavy."""
    for traits in (
        replace(AVERAGE, gender=0.0, weight=1.0, muscle=0.0, stature_mm=1900.0),
        replace(AVERAGE, gender=1.0, weight=0.0, stature_mm=1500.0),
    ):
        shape = real_body.shape(traits)
        skin_mm = shape.vertices_mm[np.unique(real_body.skin_triangles)]
        low, high = skin_mm.min(axis=0) - 120, skin_mm.max(axis=0) + 120
        for garment in makehuman.garments:
            fitted = garment.fit_at_rest(shape)
            assert ((fitted > low) & (fitted < high)).all(), garment.name


def test_makehumans_clothes_follow_a_rigid_motion(makehuman, real_body, random_pose):
    for garment in makehuman.garments[::5]:
        follows_a_rigid_motion(garment, real_body, random_pose(real_body))
