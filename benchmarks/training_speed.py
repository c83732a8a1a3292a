"""Images a second of a whole training step: forward, loss, backward, update, averaging.

    python benchmarks/training_speed.py [--recipe NAME] [--preset NAME …] [--crop 128 256]
                                        [--batch 16 32] [--threads 1 2] [--seconds 10]

Crops are random numbers that lie in memory, so this is what the loader has to keep up with; what
it does is measured by ``crop_speed.py``. Everything else is as the recipe says, frozen blocks of
its first stage included.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from itertools import product

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from mobilehumanpose.models.lpnet import LpNetConfig
from mobilehumanpose.models.presets import preset_config
from mobilehumanpose.train.allocator import keep_memory
from mobilehumanpose.train.dataset import Crops
from mobilehumanpose.train.distributed import Ranks
from mobilehumanpose.train.recipe import Recipe
from mobilehumanpose.train.recipes import RECIPES, find_recipe
from mobilehumanpose.train.step import Learner

NUM_WARMUP = 3


def random_crops(recipe: Recipe, num_joints: int, crop_px: int, batch_size: int) -> Crops:
    """A batch of noise with every joint known."""
    generator = torch.Generator().manual_seed(recipe.seed)
    shape = (batch_size, num_joints, 3)
    return Crops(
        pixels=torch.randint(
            256, (batch_size, 3, crop_px, crop_px), dtype=torch.uint8, generator=generator
        ),
        targets=torch.rand(shape, generator=generator),
        known=torch.ones(shape, dtype=torch.bool),
        source=torch.zeros(batch_size, 2, dtype=torch.int64),
    )


def measure(
    recipe: Recipe, device: torch.device, crop_px: int, batch_size: int, seconds: float
) -> list[float]:
    """Seconds of each step, warm-up left out."""
    learner = Learner(recipe, Ranks(device=device))
    learner.prepare(recipe.stages[0])
    crops = random_crops(recipe, learner.num_joints, crop_px, batch_size)
    times: list[float] = []
    end = None
    while end is None or time.perf_counter() < end or len(times) < 3:
        started = time.perf_counter()
        # Each step reads the loss, so a GPU has finished when it returns.
        learner(crops, 1e-6, wants_save=False)
        if learner.steps > NUM_WARMUP:
            times.append(time.perf_counter() - started)
        elif learner.steps == NUM_WARMUP:
            end = time.perf_counter() + seconds
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="lspet-lite0", choices=RECIPES)
    parser.add_argument("--preset", nargs="+", help="networks instead of the recipe's")
    parser.add_argument("--crop", nargs="+", type=int, help="sides in px; the recipe's stages'")
    parser.add_argument("--batch", nargs="+", type=int, help="crops a step; the first stage's")
    parser.add_argument("--threads", nargs="+", type=int, help="of PyTorch; its own choice")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each line")
    arguments = parser.parse_args()

    keep_memory()  # as training does
    recipe = find_recipe(arguments.recipe)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name() if device.type == "cuda" else "processor"
    table = Table(title=f"{recipe.name} on {name}, PyTorch {torch.__version__}")
    for heading in ("preset", "crop px", "batch", "threads", "images/s", "quartiles"):
        table.add_column(heading, justify="left" if heading == "preset" else "right")
    crops_px = arguments.crop or sorted({stage.crop_px for stage in recipe.stages})
    for preset, crop_px, batch_size, threads in product(
        arguments.preset or [recipe.preset],
        crops_px,
        arguments.batch or [recipe.stages[0].batch_size],
        arguments.threads or [torch.get_num_threads()],
    ):
        torch.set_num_threads(threads)
        is_published = isinstance(preset_config(preset), LpNetConfig)
        activation = recipe.activation if is_published else "relu6"
        changed = replace(recipe, preset=preset, activation=activation, pretrained_encoder=False)
        times = measure(changed, device, crop_px, batch_size, arguments.seconds)
        slow, median, fast = batch_size / np.percentile(times, [75, 50, 25])
        table.add_row(
            preset,
            str(crop_px),
            str(batch_size),
            str(threads),
            f"{median:.1f}",
            f"{slow:.1f}–{fast:.1f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
