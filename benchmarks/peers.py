"""Our models and BlazePose on the same crops of real photographs, in one run.

    pip install ai-edge-litert && npm pack @mediapipe/pose   # then unpack it: its .tflite files
    python benchmarks/peers.py --data ../shared/data [--model lpski-lite0-wild …]
                               [--blazepose package] [--threads 2] [--only coco]

Everyone gets the very same 256 px crop around the labelled joints: as the photograph is; turned by
what the network itself finds there, where its own score does not fall by it (as our estimator does
when it is quick, and BlazePose's tracking much alike); turned upright by the labelled torso, which
nobody has who needs a network; and turned by itself and then from the further views that our
estimator takes of photographs, weighted by the joints' scores (of BlazePose by its visibilities,
which mean something else). Reported are

* PCK@0.2 of the torso over 12 limb joints, of people whose shoulders and hips are all labelled:
  the validation tenth of LSP Extended, and COCO's sample photographs;
* PA-MPJPE and root-relative MPJPE over the same joints on the frames of Human3.6M and
  MPI-INF-3DHP that come with 3D truth. Those are four people: an anecdote, and never a reason to
  choose one set of weights over another;
* the same on held-out synthetic people, one a picture, whose limbs are all in the picture: pictures
  that ``mhp data synth --split held-out`` put into ``synth`` in the data's folder. BlazePose never
  saw their like.

BlazePose's origin is midway between the hips; ours is the pelvis, and so is the truth's.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from mobilehumanpose.close_look import ARMS, further_views, fusing_weights
from mobilehumanpose.data.catalogue import find_dataset
from mobilehumanpose.data.crops import person_box
from mobilehumanpose.data.images import read_image
from mobilehumanpose.data.lspet import BLAZEPOSE_INDEX, load_lspet, split
from mobilehumanpose.decode import cells_to_photo, place_in_camera
from mobilehumanpose.evaluate.metrics import mpjpe, pa_mpjpe, pck
from mobilehumanpose.geometry import (
    Camera,
    apply_affine,
    invert_affine,
    warp_crop,
)
from mobilehumanpose.media import load_photo
from mobilehumanpose.runtime import PoseNetwork
from mobilehumanpose.skeleton import COCO_19, HUMAN36M_18, LIMB_JOINTS, LSP_14, MUPOTS_17, Skeleton
from mobilehumanpose.upright import torso_lean_degrees
from mobilehumanpose.views import MAX_LEAN_DEGREES, View, view_affine
from mobilehumanpose.weights import DEFAULT_MODEL, model_path

CROP_PX = 256
BLAZEPOSE_LIMBS = [BLAZEPOSE_INDEX[name] for name in LIMB_JOINTS]
SHOULDERS = [LIMB_JOINTS.index("L_Shoulder"), LIMB_JOINTS.index("R_Shoulder")]
HIPS = [LIMB_JOINTS.index("L_Hip"), LIMB_JOINTS.index("R_Hip")]


def _among_limbs(pairs: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Those pairs of LSP's joints that are both limb joints, by the limb joints' numbers."""
    named = [tuple(LSP_14.joint_names[joint] for joint in pair) for pair in pairs]
    return tuple(
        (LIMB_JOINTS.index(a), LIMB_JOINTS.index(b))
        for a, b in named
        if a in LIMB_JOINTS and b in LIMB_JOINTS
    )


#: The twelve limb joints as they hang together in LSP: what BlazePose is asked for.
LIMBS = Skeleton(
    name="limbs-12",
    joint_names=LIMB_JOINTS,
    edges=_among_limbs(LSP_14.edges),
    flip_pairs=_among_limbs(LSP_14.flip_pairs),
    root=None,
)


@dataclass(frozen=True, kw_only=True)
class Person:
    """A labelled person: the 12 limb joints in px, and where there is truth in camera mm."""

    photo: np.ndarray
    box_xywh: np.ndarray
    limbs_px: np.ndarray
    known: np.ndarray
    limbs_mm: np.ndarray | None = None  # relative to the pelvis
    camera: Camera | None = None

    def torso_px(self) -> float:
        """Mid-shoulders to mid-hips; NaN unless all four are known."""
        if not self.known[SHOULDERS + HIPS].all():
            return float("nan")
        ends = self.limbs_px[SHOULDERS].mean(axis=0), self.limbs_px[HIPS].mean(axis=0)
        return float(np.linalg.norm(ends[0] - ends[1]))


class Answer(NamedTuple):
    """What a network says of a person's joints, the 12 limb joints among them.

    Attributes:
        skeleton: of the J joints.
        px: (J, 2) in the photo.
        mm: (J, 3) relative to the root, if it can be told.
        score: how sure it is of the person.
        joint_scores: (J,) how sure it is of each.
    """

    skeleton: Skeleton
    px: np.ndarray
    mm: np.ndarray | None
    score: float
    joint_scores: np.ndarray


#: (256, 256, 3) RGB, its affine map and the person → what the network says.
Network = Callable[[np.ndarray, np.ndarray, Person], Answer]


def our_network(path: Path, threads: int) -> Network:
    """A model of this project."""
    network = PoseNetwork(path, num_threads=threads)
    description, skeleton = network.description, network.skeleton

    def answer(crop: np.ndarray, affine: np.ndarray, person: Person) -> Answer:
        cells, scores = network(crop[None])
        keypoints_px, depth_mm = cells_to_photo(
            cells[0].astype(np.float64),
            affine,
            grid=description.grid,
            crop_px=CROP_PX,
            depth_range_mm=description.depth_range_mm,
        )
        if person.camera is None:
            return Answer(skeleton, keypoints_px, None, scores.mean(), scores[0])
        keypoints_mm = place_in_camera(
            keypoints_px,
            depth_mm - depth_mm[skeleton.root],
            scores[0].astype(np.float64),
            skeleton=skeleton,
            camera=person.camera,
        )
        relative_mm = keypoints_mm - keypoints_mm[skeleton.root]
        return Answer(skeleton, keypoints_px, relative_mm, scores.mean(), scores[0])

    return answer


def blazepose(path: Path, threads: int) -> Network:
    """One of MediaPipe's landmark models: RGB in 0…1; 39 landmarks in crop px, and in metres."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    outputs = {tuple(o["shape"]): o["index"] for o in interpreter.get_output_details()}

    def answer(crop: np.ndarray, affine: np.ndarray, _: Person) -> Answer:
        interpreter.set_tensor(image["index"], crop[None].astype(np.float32) / 255)
        interpreter.invoke()
        landmarks = interpreter.get_tensor(outputs[1, 195]).reshape(39, 5)
        world_mm = interpreter.get_tensor(outputs[1, 117]).reshape(39, 3) * 1000
        found_px = apply_affine(landmarks[BLAZEPOSE_LIMBS, :2], invert_affine(affine))
        # Its 3D lies along the crop's axes: turn it back with the crop, or mirror it.
        turn = affine[:, :2] / np.sqrt(abs(np.linalg.det(affine[:, :2])))
        found_mm = world_mm[BLAZEPOSE_LIMBS].astype(np.float64)
        found_mm[:, :2] = found_mm[:, :2] @ turn
        presence = interpreter.get_tensor(outputs[1, 1]).item()
        visibility = (1 + np.tanh(landmarks[BLAZEPOSE_LIMBS, 3] / 2)) / 2  # of a logit
        return Answer(LIMBS, found_px, found_mm, presence, visibility)

    return answer


def lspet_people(data: Path) -> Iterator[Person]:
    """The validation tenth."""
    _, dataset = split(load_lspet(data))
    samples = dataset.samples
    limbs = samples.skeleton.indices(LIMB_JOINTS)
    for index in range(len(samples)):
        image = read_image(dataset.images, samples.image_name(index))
        yield Person(
            photo=image[..., ::-1].copy(),
            box_xywh=samples.boxes_xywh[index].astype(np.float64),
            limbs_px=samples.keypoints_px[index, limbs].astype(np.float64),
            known=samples.has_px[index, limbs],
        )


def coco_people(data: Path) -> Iterator[Person]:
    """Those of COCO's sample photographs whose shoulders and hips are all labelled."""
    folder = data / "samples" / "coco"
    labels = json.loads((folder / "annotations" / "person_keypoints_train2017.json").read_text())
    file_names = {image["id"]: image["file_name"] for image in labels["images"]}
    limbs = COCO_19.indices(LIMB_JOINTS)
    for label in labels["annotations"]:
        keypoints = np.array(label["keypoints"], float).reshape(17, 3)
        person = _person(
            load_photo(folder / "train2017" / file_names[label["image_id"]]),
            keypoints[:, :2],
            keypoints[:, 2] > 0,
            limbs,
        )
        if not label["iscrowd"] and person is not None and np.isfinite(person.torso_px()):
            yield person


def people_with_truth(data: Path) -> Iterator[Person]:
    """Frames with 3D truth."""
    for folder, skeleton in (("h36m", HUMAN36M_18), ("mpi_inf_3dhp", MUPOTS_17)):
        path = data / "samples" / folder
        for frame in json.loads((path / "samples.json").read_text()):
            names = frame["joints"]
            keypoints_px = np.array(frame["keypoints_img_px"])
            keypoints_mm = np.array(frame["keypoints_cam_mm"])
            limbs = np.array([names.index(name) for name in LIMB_JOINTS])
            person = _person(
                load_photo(path / frame["file_name"]),
                keypoints_px,
                np.ones(len(names), bool),
                limbs,
                limbs_mm=(keypoints_mm - keypoints_mm[names.index(_root(skeleton))])[limbs],
                camera=Camera(focal_px=tuple(frame["f_px"]), center_px=tuple(frame["c_px"])),
            )
            if person is not None:
                yield person


def synthetic_people(data: Path) -> Iterator[Person]:
    """Those of the held-out split whose limbs are all in the picture."""
    dataset = find_dataset("synth").load("test", data)
    samples = dataset.samples
    limbs = samples.skeleton.indices(LIMB_JOINTS)
    for index in np.flatnonzero(samples.has_px[:, limbs].all(axis=1)).tolist():
        image = read_image(dataset.images, samples.image_name(index))
        yield Person(
            photo=image[..., ::-1].copy(),
            box_xywh=samples.boxes_xywh[index].astype(np.float64),
            limbs_px=samples.keypoints_px[index, limbs].astype(np.float64),
            known=samples.has_px[index, limbs],
            limbs_mm=samples.keypoints_mm(index)[limbs] - samples.roots_mm[index],
            camera=samples.camera(index),
        )


def _root(skeleton: Skeleton) -> str:
    return skeleton.joint_names[skeleton.root or 0]


def _person(
    photo: np.ndarray, points_px: np.ndarray, known: np.ndarray, limbs: np.ndarray, **more: Any
) -> Person | None:
    box = person_box(points_px, known, (photo.shape[1], photo.shape[0]))
    if box is None:
        return None
    return Person(photo=photo, box_xywh=box, limbs_px=points_px[limbs], known=known[limbs], **more)


def lean_degrees(limbs_px: np.ndarray, known: np.ndarray) -> float:
    """Of the torso, to the right; 0 where it is not known."""
    keypoints_px = np.zeros((LSP_14.num_joints, 2))
    is_known = np.zeros(LSP_14.num_joints, bool)
    limbs = LSP_14.indices(LIMB_JOINTS)
    keypoints_px[limbs], is_known[limbs] = limbs_px, known
    return torso_lean_degrees(keypoints_px, is_known, LSP_14) or 0.0


def ask(network: Network, person: Person, way: str) -> Answer:
    """What a network says of a person, shown as ``WAYS`` says."""

    def answer(view: View) -> Answer:
        affine = view_affine(view, CROP_PX)
        said = network(warp_crop(person.photo, affine, CROP_PX), affine, person)
        return mirrored(said) if view.is_mirrored else said

    if way == "turned by the labels":
        return answer(View(person.box_xywh, lean_degrees(person.limbs_px, person.known)))
    view = View(person.box_xywh)
    found = answer(view)
    if way == "as it is":
        return found
    everything = np.ones(found.skeleton.num_joints, bool)
    lean = torso_lean_degrees(found.px, everything, found.skeleton) or 0.0
    turned = View(view.square_xywh, lean)
    if abs(turned.lean_degrees) > MAX_LEAN_DEGREES:
        second = answer(turned)
        if second.score >= found.score:
            view, found = turned, second
    if way == "turned by itself":
        return found
    further = further_views(view, found.px[found.skeleton.indices(ARMS)])
    return fused([found, *(answer(other) for other in further)], view.square_xywh[2])


def mirrored(said: Answer) -> Answer:
    """What was said of a mirrored crop with left and right as they are."""
    joints = said.skeleton.flip_permutation
    return said._replace(
        px=said.px[joints],
        mm=None if said.mm is None else said.mm[joints],
        joint_scores=said.joint_scores[joints],
    )


def fused(answers: list[Answer], side_px: float) -> Answer:
    """As :func:`~mobilehumanpose.close_look.fuse` does it, of views whose first has that side."""
    keypoints_px = np.stack([said.px for said in answers])
    scores = np.stack([said.joint_scores for said in answers])
    weight, _ = fusing_weights(keypoints_px, scores, side_px, answers[0].skeleton)
    weight = weight[..., None]
    all_mm = [said.mm for said in answers if said.mm is not None]
    return answers[0]._replace(
        px=(weight * keypoints_px).sum(axis=0),
        mm=(weight * np.stack(all_mm)).sum(axis=0) if all_mm else None,
    )


def measure(
    people: Iterator[Person], networks: dict[str, Network], way: str
) -> tuple[int, dict[str, list[str]]]:
    """How many people there are, and PCK or MPJPE and PA-MPJPE of each network."""
    everyone = []
    found: dict[str, list[Answer]] = {name: [] for name in networks}
    for person in people:
        everyone.append(person)
        for name, network in networks.items():
            found[name].append(ask(network, person, way))
    truth_px = np.stack([person.limbs_px for person in everyone])
    known = np.stack([person.known for person in everyone])
    torso_px = np.array([person.torso_px() for person in everyone])
    figures = {}
    for name, answers in found.items():
        limbs = answers[0].skeleton.indices(LIMB_JOINTS)
        predicted_px = np.stack([answer.px for answer in answers])[:, limbs]
        figures[name] = [f"{pck(predicted_px, truth_px, known, torso_px):.3f}"]
        truth_mm = [person.limbs_mm for person in everyone if person.limbs_mm is not None]
        if truth_mm:
            all_mm = np.stack([answer.mm for answer in answers if answer.mm is not None])
            predicted_mm = all_mm[:, limbs]
            figures[name] = [
                f"{pa_mpjpe(predicted_mm, np.stack(truth_mm)):.1f}",
                f"{mpjpe(predicted_mm, np.stack(truth_mm)):.1f}",
            ]
    return len(everyone), figures


WAYS = ("as it is", "turned by itself", "turned by the labels", "ten views")
SETS = {
    "lspet": ("LSP Extended, PCK@0.2", lspet_people),
    "coco": ("COCO samples, PCK@0.2", coco_people),
    "truth": ("3D truth, PA-MPJPE and MPJPE in mm", people_with_truth),
    "synth": ("synthetic, PA-MPJPE and MPJPE in mm", synthetic_people),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with lspet-train.*")
    parser.add_argument("--model", nargs="+", default=[DEFAULT_MODEL])
    parser.add_argument("--blazepose", type=Path, help="folder of pose_landmark_*.tflite")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    arguments = parser.parse_args()
    networks = {
        Path(name).stem: our_network(model_path(name), arguments.threads)
        for name in arguments.model
    }
    if arguments.blazepose:
        for size in ("lite", "full", "heavy"):
            path = arguments.blazepose / f"pose_landmark_{size}.tflite"
            networks[f"BlazePose {size}"] = blazepose(path, arguments.threads)
    table = Table()
    for heading in ("set", "people", "crop", *networks):
        table.add_column(heading)
    for name, people in map(SETS.__getitem__, arguments.only):
        for way in arguments.ways:
            count, figures = measure(people(arguments.data), networks, way)
            table.add_row(name, str(count), way, *(" / ".join(f) for f in figures.values()))
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
