"""A handful of drawn people in the official layout of each dataset, to try things out on.

Bodies, cameras, pixels and boxes agree with one another as in the real files; every joint is drawn
as a dot of its own colour at its pixel.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..geometry import Camera, process_bbox
from ..media import make_folder, write_file
from ..skeleton import COCO_19, HUMAN36M_18, MPII_16, MUCO_21, MUPOTS_17
from .bbox_root import BoxRoots, write_bbox_root
from .human36m import ACTIONS, NUM_LABELLED, PROTOCOLS
from .human36m_cameras import StudioCamera
from .mscoco import ASSUMED_FOCAL_PX
from .mscoco import NUM_LABELLED as NUM_LABELLED_COCO
from .stick_figures import Person, draw_people, person_before, random_body_mm, random_people

IMAGE_PX = 200
CAMERA = Camera(focal_px=(230.0, 231.0), center_px=(100.5, 99.0))
FRAMES = (0, 5, 64)  # of both strides
HUMAN36M_ACTIONS = (2, 16)


def write_miniature(name: str, data_root: Path, seed: int = 0) -> None:
    """Write a tiny dataset.

    Args:
        name: a key of ``MINIATURES``.
        data_root: the folder that gets ``Human36M``, ``MPII`` … in it.
        seed: of the bodies' postures and places.

    Raises:
        UserError: there is no such miniature, data of that name lies there already, or the folder
            cannot be written to.
    """
    if name not in MINIATURES:
        raise UserError(f"no miniature of {name!r}; there are {', '.join(MINIATURES)}")
    folder_name, write = MINIATURES[name]
    folder = data_root / folder_name
    if folder.exists():
        raise UserError(f"{folder}: is there already; a miniature is written to a new folder")
    write(folder, np.random.default_rng(seed))


def _json(path: Path, content: Any) -> None:
    make_folder(path.parent)
    write_file(path, json.dumps(content).encode())


def _image(image_id: int, file_name: str, **more: Any) -> dict[str, Any]:
    size = {"width": IMAGE_PX, "height": IMAGE_PX}
    return {"id": image_id, "file_name": file_name, **size, **more}


def _bbox_root(path: Path, found: Sequence[tuple[int, Person]], root: int) -> None:
    """Boxes and roots as detectors would find them, had they no error."""
    boxes = [process_bbox(person.box_xywh, (IMAGE_PX, IMAGE_PX)) for _, person in found]
    make_folder(path.parent)
    write_bbox_root(
        path,
        BoxRoots(
            image_ids=np.array([image_id for image_id, _ in found], np.int64),
            boxes_xywh=np.array(boxes),
            roots_mm=np.stack([person.keypoints_mm[root] for _, person in found]),
            scores=np.full(len(found), 0.9),
        ),
    )


def studio_cameras() -> dict[int, StudioCamera]:
    """Four cameras in the corners of a room of 8 m, looking at its middle; world z is up."""
    cameras = {}
    for number, degrees in enumerate((45, 135, 225, 315), start=1):
        angle = np.radians(degrees)
        centre_mm = np.array([5500 * np.cos(angle), 5500 * np.sin(angle), 1500])
        forward = np.array([0, 0, 900]) - centre_mm
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0, 0, 1])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        camera = StudioCamera(
            rotation=rotation,
            translation_mm=np.zeros(3),
            intrinsics=Camera(
                focal_px=(450.0 + number, 452.0 + number),
                center_px=CAMERA.center_px,
            ),
        )
        cameras[number] = camera.with_centre(centre_mm)
    return cameras


def _write_human36m(folder: Path, rng: np.random.Generator) -> None:
    cameras = studio_cameras()
    camera_fields = {
        str(number): {
            "R": camera.rotation.tolist(),
            "t": camera.translation_mm.tolist(),
            "f": list(camera.intrinsics.focal_px),
            "c": list(camera.intrinsics.center_px),
        }
        for number, camera in cameras.items()
    }
    # A body's x right, y down, z forward is the world's y, −z, −x.
    world_from_body = np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]])
    tested = {s for protocol in PROTOCOLS.values() for s in protocol.test_subjects}
    trained = {s for protocol in PROTOCOLS.values() for s in protocol.train_subjects}
    found = []
    image_id = 0
    for subject in sorted(tested | trained):
        images, annotations = [], []
        joints: dict[str, dict[str, dict[str, Any]]] = {}
        for action in HUMAN36M_ACTIONS:
            frames: dict[str, Any] = {}
            for frame in FRAMES:
                body_mm = random_body_mm(HUMAN36M_18, rng) @ world_from_body.T
                world_mm = body_mm + [*rng.uniform(-500, 500, 2), 880]
                frames[str(frame)] = world_mm[:NUM_LABELLED].tolist()
                for number, camera in cameras.items():
                    person = person_before(camera.joints_mm(world_mm), camera.intrinsics)
                    stem = f"s_{subject:02}_act_{action:02}_subact_01_ca_{number:02}"
                    file_name = f"{stem}/{stem}_{frame + 1:06}.jpg"
                    draw_people([person], HUMAN36M_18, folder / "images" / file_name, IMAGE_PX)
                    tags = {"subject": subject, "action_name": ACTIONS[action]}
                    tags |= {"action_idx": action, "subaction_idx": 1}
                    tags |= {"cam_idx": number, "frame_idx": frame}
                    images.append(_image(image_id, file_name, **tags))
                    row: dict[str, Any] = {"id": image_id, "image_id": image_id}
                    row |= {"keypoints_vis": [True] * NUM_LABELLED}
                    annotations.append(row | {"bbox": person.box_xywh.tolist()})
                    if subject in tested and frame % PROTOCOLS[2].test_stride == 0:
                        found.append((image_id, person))
                    image_id += 1
            joints[str(action)] = {"1": frames}
        stem = f"Human36M_subject{subject}"
        data = {"images": images, "annotations": annotations}
        _json(folder / "annotations" / f"{stem}_data.json", data)
        _json(folder / "annotations" / f"{stem}_camera.json", camera_fields)
        _json(folder / "annotations" / f"{stem}_joint_3d.json", joints)
    path = folder / "bbox_root" / "bbox_root_human36m_output.json"
    _bbox_root(path, found, HUMAN36M_18.index("Pelvis"))


def _keypoints(person: Person, hidden: Sequence[int] = ()) -> list[float]:
    """COCO's flat x, y, visibility; 0, 0, 0 where a joint is hidden or out of the picture."""
    values: list[float] = []
    for joint, (x, y) in enumerate(person.keypoints_px.tolist()):
        inside = 0 <= x < IMAGE_PX and 0 <= y < IMAGE_PX
        values += [x, y, 2] if inside and joint not in hidden else [0, 0, 0]
    return values


def _labelled(annotation_id: int, image_id: int, person: Person, joints: int) -> dict[str, Any]:
    """A 2D annotation of the first joints, of which one is hidden."""
    keypoints = _keypoints(person, hidden=[annotation_id % joints])[: joints * 3]
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": 1,
        "iscrowd": 0,
        "area": float(person.box_xywh[2:].prod()),
        "bbox": person.box_xywh.tolist(),
        "keypoints": keypoints,
        "num_keypoints": sum(flag > 0 for flag in keypoints[2::3]),
    }


def _write_mpii(folder: Path, rng: np.random.Generator) -> None:
    images, annotations = [], []
    for image_id in range(8):
        people = random_people(MPII_16, [(0, 0, 3000 + 100 * image_id)], CAMERA, rng)
        file_name = f"images/{image_id:09}.jpg"
        draw_people(people, MPII_16, folder / file_name, IMAGE_PX)
        images.append(_image(image_id, file_name))
        annotations.append(_labelled(image_id, image_id, people[0], MPII_16.num_joints))
    content = {"images": images, "annotations": annotations}
    _json(folder / "annotations" / "train.json", content)


def _write_mscoco(folder: Path, rng: np.random.Generator) -> None:
    camera = Camera(
        focal_px=(ASSUMED_FOCAL_PX, ASSUMED_FOCAL_PX), center_px=(IMAGE_PX / 2, IMAGE_PX / 2)
    )
    places_mm = [(-500, 0, 20000), (500, 100, 22000)]
    found = []
    for part, first_id in (("train2017", 0), ("val2017", 100)):
        images, annotations = [], []
        for image_id in range(first_id, first_id + 6):
            people = random_people(COCO_19, places_mm, camera, rng)
            file_name = f"{image_id:012}.jpg"
            draw_people(people, COCO_19, folder / "images" / part / file_name, IMAGE_PX)
            images.append(_image(image_id, file_name))
            for number, person in enumerate(people):
                row = _labelled(2 * image_id + number, image_id, person, NUM_LABELLED_COCO)
                annotations.append(row)
            if part == "val2017":
                found += [(image_id, person) for person in people]
        nobody = {"keypoints": [0] * NUM_LABELLED_COCO * 3, "num_keypoints": 0}
        annotations.append(annotations[0] | nobody | {"id": 1000 + first_id})
        annotations.append(annotations[0] | {"id": 1001 + first_id, "iscrowd": 1})
        content = {"images": images, "annotations": annotations}
        _json(folder / "annotations" / f"person_keypoints_{part}.json", content)
    path = folder / "bbox_root" / "bbox_root_coco_output.json"
    _bbox_root(path, found, COCO_19.index("Pelvis"))


def _annotated(annotation_id: int, image_id: int, person: Person) -> dict[str, Any]:
    """A 3D annotation of MuCo or MuPoTS."""
    return {
        "id": annotation_id,
        "image_id": image_id,
        "bbox": person.box_xywh.tolist(),
        "keypoints_cam": person.keypoints_mm.tolist(),
        "keypoints_img": person.keypoints_px.tolist(),
    }


def _write_muco(folder: Path, rng: np.random.Generator) -> None:
    # The third stands too near to the first to be trained on, the second does not.
    places_mm = [(-500, 0, 3200), (700, 0, 3600), (-200, 0, 3700)]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id in range(8):
        part = ("augmented_set", "unaugmented_set")[image_id % 2]
        people = random_people(MUCO_21, places_mm, CAMERA, rng)
        file_name = f"{part}/{image_id // 2 + 1}/{image_id:06}.jpg"
        draw_people(people, MUCO_21, folder / "data" / file_name, IMAGE_PX)
        camera = {"f": list(CAMERA.focal_px), "c": list(CAMERA.center_px)}
        images.append(_image(image_id, file_name, **camera))
        for person in people:
            annotations.append(_annotated(len(annotations), image_id, person))
    content = {"images": images, "annotations": annotations}
    _json(folder / "data" / "MuCo-3DHP.json", content)


def _write_mupots(folder: Path, rng: np.random.Generator) -> None:
    places_mm = [(-500, 0, 3200), (600, 0, 3600)]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    found = []
    for sequence in (1, 2, 6):
        for frame in range(3):
            image_id = len(images)
            people = random_people(MUPOTS_17, places_mm, CAMERA, rng)
            file_name = f"TS{sequence}/img_{frame:06}.jpg"
            path = folder / "data" / "MultiPersonTestSet" / file_name
            draw_people(people, MUPOTS_17, path, IMAGE_PX)
            intrinsic = [*CAMERA.focal_px, *CAMERA.center_px]
            images.append(_image(image_id, file_name, intrinsic=intrinsic))
            for number, person in enumerate(people):
                # Of the second person of TS2 the annotation is not valid.
                valid = int(not (sequence == 2 and number == 1))
                row = _annotated(len(annotations), image_id, person)
                joints = [1] * MUPOTS_17.num_joints
                annotations.append(row | {"is_valid": valid, "keypoints_vis": joints})
                found.append((image_id, person))
    _json(folder / "data" / "MuPoTS-3D.json", {"images": images, "annotations": annotations})
    path = folder / "bbox_root" / "bbox_root_mupots_output.json"
    _bbox_root(path, found, MUPOTS_17.index("Pelvis"))


def _write_mpi_inf_3dhp(folder: Path, rng: np.random.Generator) -> None:
    try:
        import h5py
    except ImportError:
        raise UserError(
            "this miniature needs h5py: pip install 'mobilehumanpose[evaluate]'"
        ) from None
    for sequence in (1, 5):
        here = folder / "mpi_inf_3dhp_test_set" / f"TS{sequence}"
        people = []
        for frame in range(1, 5):
            (person,) = random_people(MUPOTS_17, [(0, 0, 3000 + 100 * frame)], CAMERA, rng)
            path = here / "imageSequence" / f"img_{frame:06}.jpg"
            draw_people([person], MUPOTS_17, path, IMAGE_PX)
            people.append(person)
        joints_mm = np.stack([person.keypoints_mm for person in people])
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            file["annot2"] = np.stack([person.keypoints_px for person in people])[:, None]
            file["annot3"] = joints_mm[:, None]
            file["univ_annot3"] = 0.95 * joints_mm[:, None]
            # The last frame's annotation is not valid.
            file["valid_frame"] = np.array([[1.0], [1.0], [1.0], [0.0]])
            file["activity_annotation"] = np.array([[1.0], [3.0], [6.0], [7.0]])
        write_file(here / "annot_data.mat", buffer.getvalue())


#: Folder of each dataset, and what writes into it.
MINIATURES: dict[str, tuple[str, Callable[[Path, np.random.Generator], None]]] = {
    "human36m": ("Human36M", _write_human36m),
    "mpii": ("MPII", _write_mpii),
    "mscoco": ("MSCOCO", _write_mscoco),
    "muco": ("MuCo", _write_muco),
    "mupots": ("MuPoTS", _write_mupots),
    "mpi-inf-3dhp": ("MPI-INF-3DHP", _write_mpi_inf_3dhp),
}
