"""Accuracy of a model on the validation tenth of LSP Extended, for its model card.

    python benchmarks/photo_accuracy.py --data ../shared/data [--model lpski-lite0-lspet] [--write]

The same as ``mhp test lspet --flip off``: every photograph whose number ends in 0 is cropped around
its labelled joints as in training, and goes through the very file that ships, once. ``--write``
puts the figures into the model's facts, which ``mhp models`` shows.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console

from mobilehumanpose.data.lspet import load_lspet, split
from mobilehumanpose.evaluate.lspet import evaluate_lspet
from mobilehumanpose.evaluate.predict import predict_dataset
from mobilehumanpose.evaluate.report import format_tables
from mobilehumanpose.media import write_file
from mobilehumanpose.runtime import PoseNetwork
from mobilehumanpose.weights import DEFAULT_MODEL, model_path


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with lspet-train.*")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--write", action="store_true", help="into the bundled model's facts")
    arguments = parser.parse_args()

    _, dataset = split(load_lspet(arguments.data))
    path = model_path(arguments.model)
    predictions = predict_dataset(
        PoseNetwork(path), dataset, flip=None, places="stature", uses_true_roots=False
    )
    result = evaluate_lspet(dataset.samples, predictions)
    Console().print(path.name, format_tables(result), sep="\n\n")
    if arguments.write:
        pck, depth_mm = result.headline.values()
        facts = path.with_suffix(".json")
        content = json.loads(facts.read_text()) if facts.exists() else {}
        content["measured"] = {
            "LSPET PCK@0.2": round(pck / 100, 3),
            "LSPET depth to teacher, mm": round(depth_mm, 1),
        }
        write_file(facts, (json.dumps(content, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
