"""Accuracy of a model on the validation tenth of LSP Extended, for its model card.

    python benchmarks/photo_accuracy.py --data ../shared/data [--model lpski-lite0-wild] [--write]

Every photograph whose number ends in 0 is cropped around its labelled joints and goes through the
very file that ships, as ``PoseEstimator`` looks at a box: turned where the person is found leaning
and that shows more, and then from several views. For comparison without those further looks
(``closely=False``), and with one look at the crop as it is, the same as
``mhp test lspet --flip off``. ``--write`` puts the figures into the model's facts, which
``mhp models`` shows.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from rich.console import Console

from mobilehumanpose.close_look import look_closely
from mobilehumanpose.data.images import read_image
from mobilehumanpose.data.lspet import load_lspet, split
from mobilehumanpose.data.samples import PoseDataset
from mobilehumanpose.evaluate.lspet import evaluate_lspet
from mobilehumanpose.evaluate.predict import predict_dataset
from mobilehumanpose.evaluate.predictions import Predictions
from mobilehumanpose.evaluate.report import format_tables
from mobilehumanpose.media import write_file
from mobilehumanpose.runtime import PoseNetwork
from mobilehumanpose.views import View, look_upright
from mobilehumanpose.weights import DEFAULT_MODEL, model_path


def predict_as_the_estimator(
    network: PoseNetwork, dataset: PoseDataset, *, closely: bool
) -> Predictions:
    """The labelled boxes as ``PoseEstimator(closely=…)`` looks at them; depth around 0."""
    samples = dataset.samples
    sights = []
    for index in range(len(samples)):
        bgr = read_image(dataset.images, samples.image_name(index))
        photo = np.ascontiguousarray(bgr[..., ::-1])
        found = look_upright(network, photo, [View(samples.boxes_xywh[index])])
        sights += look_closely(network, photo, found) if closely else found
    keypoints_px = np.stack([sight.keypoints_px for sight in sights])
    depth_mm = np.stack([sight.depth_mm for sight in sights])[..., None]
    scores = np.stack([sight.scores for sight in sights])
    return Predictions(
        skeleton=network.skeleton,
        image_index=samples.image_index,
        keypoints_px=keypoints_px,
        keypoints_mm=np.concatenate([np.zeros_like(keypoints_px), depth_mm], axis=-1),
        scores=scores.mean(axis=1),
        joint_scores=scores,
        is_absolute=False,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with lspet-train.*")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--write", action="store_true", help="into the bundled model's facts")
    arguments = parser.parse_args()

    _, dataset = split(load_lspet(arguments.data))
    path = model_path(arguments.model)
    network = PoseNetwork(path)
    result, quick = (
        evaluate_lspet(dataset.samples, predict_as_the_estimator(network, dataset, closely=closely))
        for closely in (True, False)
    )
    one_look = evaluate_lspet(
        dataset.samples,
        predict_dataset(network, dataset, flip=None, places="stature", uses_true_roots=False),
    )
    Console().print(path.name, format_tables(result), sep="\n\n")
    for name, other in (("Quick", quick), ("With one look at each", one_look)):
        figures = ", ".join(f"{what} {value:.1f}" for what, value in other.headline.items())
        Console().print(f"\n{name}: {figures}", highlight=False)
    if arguments.write:
        pck, depth_mm = result.headline.values()
        quick_pck, _ = quick.headline.values()
        pck_of_one_look, _ = one_look.headline.values()
        facts = path.with_suffix(".json")
        content = json.loads(facts.read_text()) if facts.exists() else {}
        content["measured"] = {
            "LSPET PCK@0.2": round(pck / 100, 3),
            "LSPET PCK@0.2, quick": round(quick_pck / 100, 3),
            "LSPET PCK@0.2, one look": round(pck_of_one_look / 100, 3),
            "LSPET depth to teacher, mm": round(depth_mm, 1),
        }
        write_file(facts, (json.dumps(content, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
