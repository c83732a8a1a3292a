"""What ``mhp train`` does: a recipe, its data, its processes, and the network that comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from ..data.catalogue import DATASETS
from ..data.samples import PoseDataset
from ..errors import UserError
from ..media import make_folder
from .allocator import keep_memory
from .checkpoints import find_checkpoints
from .distributed import is_started_by_torchrun, joined, launch, parse_gpus
from .logs import STEPS
from .loop import Trainer
from .recipe import Recipe, adjust_recipe
from .recipes import find_recipe


def _part(dataset: str, part: str) -> Callable[[Path], PoseDataset]:
    return lambda data: DATASETS[dataset].load(part, data)


#: How the sets that recipes name are read from the data's folder.
LOADERS: Mapping[str, Callable[[Path], PoseDataset]] = {
    "lspet-train": _part("lspet", "train"),
    "lspet-validation": _part("lspet", "validation"),
    "synth-train": _part("synth", "train"),
    "synth-held-out": _part("synth", "held-out"),
    "human36m-p1-train": _part("human36m", "train-protocol1"),
    "human36m-p2-train": _part("human36m", "train"),
    "mpii-train": _part("mpii", "train"),
    "muco-train": _part("muco", "train"),
    "mscoco-train": _part("mscoco", "train"),
}


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What the command line says.

    Attributes:
        recipe: with all that was asked to be changed.
        data: folder with the datasets.
        out: the run writes into ``model_dump/<recipe>`` and ``log/<recipe>`` in it.
        go_on: from the newest checkpoint; without it, a folder with one is refused.
        init: a file of weights to begin with instead of new ones.
        teacher: a file of a trained network that teaches as well.
        gpus: GPUs of this machine to train on; the processor when empty; what there is when None.
        threads: of PyTorch in each process; its own choice when None.
        workers: processes that cut crops, for each process that trains.
    """

    recipe: Recipe
    data: Path
    out: Path
    go_on: bool
    init: Path | None
    teacher: Path | None
    gpus: list[int] | None
    threads: int | None
    workers: int


def run_recipe(
    name: str,
    *,
    data: Path,
    out: Path,
    go_on: bool,
    console: Console,
    init: Path | None = None,
    teacher: Path | None = None,
    gpu: str | None = None,
    processes: int | None = None,
    backbone: str | None = None,
    crop_px: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate_scale: float | None = None,
    seed: int | None = None,
    threads: int | None = None,
    workers: int = 1,
) -> None:
    """Train by a recipe and leave ``model_dump/<recipe>/<recipe>.safetensors`` in ``out``.

    Args:
        name: a key of ``RECIPES``.
        data: folder with the datasets.
        out: the folder of all outputs.
        go_on: from the newest checkpoint; without it, a folder with one is refused.
        console: where progress is told.
        init: weights to begin with, ``.safetensors`` or an exported ``.onnx``.
        teacher: a trained network, ``.safetensors`` or an exported ``.onnx``, for recipes that
            have a stage with a ``teacher_weight``.
        gpu: numbers such as ``"0-1"`` or ``"0,1"``: one process each.
        processes: so many on the processor instead.
        backbone: LPRES, LPSKI or LPWO instead of the recipe's.
        crop_px: side of the crops instead of the recipe's.
        epochs: of each stage instead of the recipe's.
        batch_size: of all processes together instead of the recipe's.
        learning_rate_scale: what the recipe's learning rates are multiplied by.
        seed: of order, variations and new weights instead of the recipe's.
        threads: of PyTorch in each process.
        workers: processes that cut crops, for each process that trains.

    Raises:
        UserError: no such recipe, GPU or data, or a run that would be overwritten.
    """
    if gpu is not None and processes is not None:
        raise UserError("--gpu and --processes: give one of them; --processes is for the processor")
    if processes is not None and processes < 1:
        raise UserError(f"--processes {processes}: at least 1")
    if workers < 0:
        raise UserError(f"--workers {workers}: at least 0")
    if threads is not None and threads < 1:
        raise UserError(f"--threads {threads}: at least 1")
    if init is not None and go_on:
        raise UserError("--init and --continue: give one of them; a run that goes on has weights")
    recipe = adjust_recipe(
        find_recipe(name, backbone),
        crop_px=crop_px,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate_scale=learning_rate_scale,
        seed=seed,
    )
    if (teacher is not None) != any(stage.teacher_weight > 0 for stage in recipe.stages):
        raise UserError(
            f"recipe {recipe.name!r} learns from a trained network: give its file by --teacher"
            if teacher is None
            else f"--teacher {teacher}: recipe {recipe.name!r} does not learn from one"
        )
    gpus = parse_gpus(gpu) if gpu is not None else [] if processes is not None else None
    options = TrainOptions(
        recipe=recipe,
        data=data,
        out=out,
        go_on=go_on,
        init=init,
        teacher=teacher,
        gpus=gpus,
        threads=threads,
        workers=workers,
    )
    num_processes = processes or len(gpus or [0])
    if is_started_by_torchrun():
        if gpus is not None:
            raise UserError("--gpu and --processes: not under torchrun, which starts the processes")
        train(options, console)
    elif num_processes == 1:
        train(options, console)
    else:
        launch(train, num_processes, options)


def train(options: TrainOptions, console: Console | None = None) -> None:
    """Be one process of a run, from the data to the finished network.

    Raises:
        UserError: no such data, or a run that would be overwritten.
    """
    console = console or Console(markup=False, emoji=False)
    keep_memory()
    recipe = options.recipe
    out_dir = options.out / "model_dump" / recipe.name
    log_dir = options.out / "log" / recipe.name
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    with joined(options.gpus) as ranks:
        _refuse_overwriting(out_dir, log_dir, go_on=options.go_on)
        train_sets = [LOADERS[spec.name](options.data) for spec in recipe.datasets]
        validation_set = LOADERS[recipe.validation](options.data) if recipe.validation else None
        make_folder(out_dir)
        trainer = Trainer(
            recipe,
            train_sets=train_sets,
            validation_set=validation_set,
            out_dir=out_dir,
            log_dir=log_dir,
            console=console,
            ranks=ranks,
            workers=options.workers,
        )
        if options.teacher is not None:
            trainer.learn_from(options.teacher)
        if options.go_on:
            trainer.resume()
        elif options.init is not None:
            trainer.start_from(options.init)
        result = trainer.run()
        if ranks.rank == 0:
            path = out_dir / f"{recipe.name}.safetensors"
            trainer.learner.save_network(path)
            said = (
                f": PCK@0.2 of the torso {result.pck_torso:.3f}, "
                f"depth {result.depth_error_mm:.0f} mm from its labels"
                if result
                else ""
            )
            console.print(f"{path}{said}", soft_wrap=True, highlight=False)


def _refuse_overwriting(out_dir: Path, log_dir: Path, *, go_on: bool) -> None:
    checkpoints = find_checkpoints(out_dir)
    if go_on and not checkpoints:
        raise UserError(f"{out_dir}: has no checkpoint to continue from")
    if not go_on and checkpoints:
        raise UserError(
            f"{checkpoints[0]}: a run is here already; go on with it by --continue, "
            "or choose another --out"
        )
    if not checkpoints and (log_dir / STEPS).exists():
        raise UserError(
            f"{log_dir / STEPS}: belongs to a run whose checkpoints are gone; move it away, "
            "or choose another --out"
        )
