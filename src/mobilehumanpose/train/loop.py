"""The training loop: stages of a recipe, epoch by epoch, and a run that survives a kill."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from ..data.samples import PoseDataset
from ..data.sampling import SeededBatches
from ..errors import UserError
from ..skeleton import get_skeleton
from .checkpoints import fingerprint, read_newest, write_checkpoint
from .dataset import CropDataset, epoch_order, load_batches
from .distributed import Ranks
from .logs import RunLog, make_progress
from .random_state import get_random_state, set_random_state
from .recipe import Recipe, Stage
from .step import Learner, NotFiniteError, StepResult
from .validation import ValidationResult, validate

SAVE_EVERY_SECONDS = 120.0
#: Crops on which a network that comes without normalisations gets them.
NUM_STATISTICS_CROPS = 256


class Trainer:
    """One process of one run: checkpoints and networks in one folder, logs in another."""

    def __init__(
        self,
        recipe: Recipe,
        *,
        train_sets: Sequence[PoseDataset],
        validation_set: PoseDataset | None,
        out_dir: Path,
        log_dir: Path,
        console: Console,
        ranks: Ranks | None = None,
        workers: int = 1,
        save_every_seconds: float = SAVE_EVERY_SECONDS,
    ) -> None:
        """Make the network; nothing is written yet.

        Args:
            recipe: decides the rest.
            train_sets: as many as the recipe has datasets, in its order.
            validation_set: is looked at after each epoch.
            out_dir: for checkpoints and networks.
            log_dir: for the logs.
            console: where progress is told.
            ranks: this process among several.
            workers: processes that cut crops, beside this one; 0 for none.
            save_every_seconds: between checkpoints; there is also one after each epoch.

        Raises:
            UserError: a stage's batches do not suit the data or the processes.
        """
        self.recipe = recipe
        self.train_sets = train_sets
        self.validation_set = validation_set
        self.out_dir = out_dir
        self.log_dir = log_dir
        self.console = console
        self.ranks = ranks or Ranks()
        self.workers = workers
        self.save_every_seconds = save_every_seconds
        self.skeleton = get_skeleton(recipe.joint_set)
        self.learner = Learner(recipe, self.ranks)
        self.stage_index = 0
        self.epoch = 0  # within the stage
        self.batch = 0  # within the epoch
        self.loss_sum = 0.0  # of the epoch's batches so far
        self.log: RunLog | None = None
        self._teacher: dict[str, Any] | None = None  # its file's fingerprint
        self._is_resumed = False
        self._log_bytes: Mapping[str, int] = {}
        self._saved_at = time.monotonic()
        for stage in recipe.stages:  # before anything is written that stands in a better try's way
            self._batches(stage)

    # -- checkpoints ---------------------------------------------------------------------------

    def _identity(self) -> dict[str, Any]:
        """What must be the same for a run to go on, as JSON gives it back."""
        lengths = [[data.name, len(data.samples)] for data in self.train_sets]
        identity = {"recipe": asdict(self.recipe), "datasets": lengths, "teacher": self._teacher}
        return json.loads(json.dumps(identity))

    def save(self) -> None:
        """Write a checkpoint; all processes take part, the first one writes.

        The learning rate's place in its schedule and the sampler's in its order follow from stage,
        epoch and batch, so these stand for both.
        """
        random_states = self.ranks.gather(get_random_state(self.ranks.device))
        self._saved_at = time.monotonic()
        if self.ranks.rank != 0:
            return
        tensors, rest = self.learner.pack()
        position = {"stage": self.stage_index, "epoch": self.epoch, "batch": self.batch}
        state = {
            **self._identity(),
            **rest,
            "position": position,
            "loss_sum": self.loss_sum,
            "random_states": random_states,
            "log_bytes": self.log.sync() if self.log else {},
        }
        write_checkpoint(self.out_dir, self.learner.steps, tensors, state)

    def start_from(self, path: Path) -> Self:
        """Begin with the weights of a ``.safetensors`` file or an exported ``.onnx`` model.

        Raises:
            UserError: the file cannot be read, or holds another network than the recipe's.
        """
        dataset = self._crops(self.recipe.stages[0])
        keys = self._order(0)[:NUM_STATISTICS_CROPS]
        pixels = [dataset[int(which), int(index), 0].pixels for which, index in keys]
        self.learner.start_from(path, torch.stack(pixels))
        self._tell(f"starting from {path}")
        return self

    def learn_from(self, path: Path) -> Self:
        """Have the trained network of a ``.safetensors`` or exported ``.onnx`` file teach as well.

        Raises:
            UserError: the file cannot be read, or holds a network with other joints.
        """
        self.learner.learn_from(path)
        self._teacher = fingerprint(path)
        return self

    def resume(self) -> Self:
        """Go on from the newest checkpoint that is whole.

        Raises:
            UserError: there is none, or it belongs to another recipe or other data.
        """
        checkpoint, problems = read_newest(self.out_dir)
        self._tell(*problems)
        path, state = checkpoint.path, checkpoint.state
        for key, mine in self._identity().items():
            theirs = state.get(key)  # runs before there were teachers had none
            if theirs != mine:
                raise UserError(f"{path}: belongs to another run: {_difference(key, theirs, mine)}")
        self.learner.unpack(checkpoint.tensors, state, state["steps"])
        position = state["position"]
        self.stage_index, self.epoch = position["stage"], position["epoch"]
        self.batch, self.loss_sum = position["batch"], state["loss_sum"]
        self._is_resumed = True
        self._log_bytes = state["log_bytes"]
        random_states = state["random_states"]
        if len(random_states) == self.ranks.num_ranks:
            set_random_state(random_states[self.ranks.rank], self.ranks.device)
        else:
            self._tell(
                f"{path}: was written by {len(random_states)} processes, not "
                f"{self.ranks.num_ranks}: the run goes on, but not to the last bit"
            )
        self._tell(f"going on from {path}")
        return self

    def _tell(self, *lines: str) -> None:
        if self.ranks.rank == 0:
            for line in lines:
                self.console.print(line, soft_wrap=True, highlight=False, markup=False)

    # -- training ------------------------------------------------------------------------------

    def run(self) -> ValidationResult | None:
        """Carry out what is left of the recipe.

        Returns:
            What validation said last; None without a validation set, and on processes but the
            first.

        Raises:
            UserError: a picture cannot be read, a file not be written, or the numbers blew up.
        """
        steps = self.learner.steps
        if not self._is_resumed:
            self.save()  # before there is a line of log, so that each log has its checkpoint
        if self.ranks.rank == 0:
            self.log = RunLog(
                self.log_dir, num_bytes=self._log_bytes, steps=steps, console=self.console
            )
        result, is_validated = None, False
        try:
            while self.stage_index < len(self.recipe.stages):
                stage = self.recipe.stages[self.stage_index]
                rate = self._run_epoch(stage)
                result, is_validated = self._finish_epoch(stage, rate), True
        finally:
            if self.log is not None:
                self.log.close()
        return result if is_validated else self._validate(self.recipe.stages[-1])

    def _run_epoch(self, stage: Stage) -> float:
        """Train from ``self.batch`` to the epoch's end; images a second."""
        learner, ranks = self.learner, self.ranks
        learner.prepare(stage)
        batches = self._batches(stage)
        dataset = self._crops(stage)
        num_batches = self.batch + len(batches)
        first_batch, started_at = self.batch, time.monotonic()
        speed = 0.0
        is_shown = ranks.rank == 0 and self.console.is_terminal
        with make_progress(self.console, is_shown=is_shown) as progress:
            bar = progress.add_task(
                f"{stage.crop_px} px, epoch {self.epoch + 1} of {stage.epochs}",
                total=num_batches,
                completed=first_batch,
                speed=0.0,
                loss=0.0,
            )
            for crops in load_batches(
                dataset,
                batches,
                workers=self.workers,
                pin_memory=ranks.device.type == "cuda",
            ):
                rate = stage.schedule.learning_rate(
                    self.epoch * num_batches + self.batch,
                    num_steps=stage.epochs * num_batches,
                    num_epochs=stage.epochs,
                )
                is_due = time.monotonic() - self._saved_at >= self.save_every_seconds
                try:
                    done = learner(crops, rate, wants_save=is_due)
                except NotFiniteError as error:
                    raise UserError(self._blame(error, dataset, crops.source.tolist())) from None
                self.batch += 1
                self.loss_sum += done.loss
                self._log_step(done, rate)
                if done.wants_save and self.batch < num_batches:  # the epoch's end has its own
                    self.save()
                seconds = time.monotonic() - started_at
                speed = (self.batch - first_batch) * stage.batch_size / max(seconds, 1e-9)
                progress.update(bar, completed=self.batch, speed=speed, loss=done.loss)
        return speed

    def _batches(self, stage: Stage) -> SeededBatches:
        """What is left of the epoch for this process.

        Raises:
            UserError: the stage's batches do not suit the data or the processes.
        """
        ranks = self.ranks
        if stage.batch_size < 2 * ranks.num_ranks:
            raise UserError(
                f"batches of {stage.batch_size}: batch normalisation needs at least 2 crops in "
                "each process; choose a larger --batch-size"
            )
        epoch = sum(s.epochs for s in self.recipe.stages[: self.stage_index]) + self.epoch
        return SeededBatches(
            self._order(epoch),
            stage.batch_size,
            variation=self.recipe.seed * 1_000_003 + epoch,
            first_batch=self.batch,
            rank=ranks.rank,
            num_ranks=ranks.num_ranks,
        )

    def _order(self, epoch: int) -> NDArray[np.int32]:
        """(K, 2) datasets and samples of an epoch, counted over all stages."""
        return epoch_order(self.recipe, [len(data.samples) for data in self.train_sets], epoch)

    def _crops(self, stage: Stage) -> CropDataset:
        return CropDataset(
            self.train_sets,
            skeleton=self.skeleton,
            crop_px=stage.crop_px,
            augmentation=self.recipe.augmentation,
            upright=self.recipe.upright,
            depth_range_hides=self.recipe.upstream_coordinate_loss,
        )

    def _blame(self, error: NotFiniteError, dataset: CropDataset, sources: list[list[int]]) -> str:
        """What to say of a batch that gave no finite numbers; every process comes here."""
        everywhere = [source for part in self.ranks.gather(sources) for source in part]
        return (
            f"stage {self.stage_index}, epoch {self.epoch}, batch {self.batch}: {error}. "
            f"The weights were not changed by it, and the last checkpoint in {self.out_dir} is "
            f"whole. The batch: {', '.join(dataset.describe(everywhere))}"
        )

    def _log_step(self, done: StepResult, learning_rate: float) -> None:
        if self.log is not None:
            numbers = {
                "stage": self.stage_index,
                "epoch": self.epoch,
                "batch": self.batch - 1,
                "learning_rate": learning_rate,
                "loss": done.loss,
                "gradient_norm": done.gradient_norm,
            }
            self.log.step(self.learner.steps, numbers)

    def _finish_epoch(self, stage: Stage, images_per_second: float) -> ValidationResult | None:
        """Validate, tell, keep the network, and go on to the next epoch."""
        epoch = self.epoch + 1
        is_due = epoch % self.recipe.validate_every == 0 or epoch == stage.epochs
        result = self._validate(stage) if is_due else None
        numbers: dict[str, float | None] = asdict(result) if result else {}
        if self.validation_set is not None and not is_due:
            # Every line has the same numbers, or the table would lose its columns.
            numbers = dict.fromkeys(field.name for field in fields(ValidationResult))
        loss = self.loss_sum / self.batch
        if self.log is not None:
            self.log.epoch(
                self.learner.steps,
                {
                    "stage": self.stage_index,
                    "epoch": self.epoch,
                    "loss": loss,
                    "images_per_second": images_per_second,
                    **numbers,
                },
            )
            epochs_before = sum(s.epochs for s in self.recipe.stages[: self.stage_index])
            self.learner.save_network(
                self.out_dir / f"snapshot_{epochs_before + self.epoch}.safetensors"
            )
        said = (
            f"PCK@0.2 {result.pck_torso:.3f}, depth {result.depth_error_mm:.0f} mm, "
            if result
            else ""
        )
        self._tell(
            f"{stage.crop_px} px, epoch {self.epoch + 1} of {stage.epochs}: {said}"
            f"loss {loss:.4f}, {images_per_second:.0f} images/s"
        )
        self.epoch, self.batch, self.loss_sum = self.epoch + 1, 0, 0.0
        if self.epoch == stage.epochs:
            self.stage_index, self.epoch = self.stage_index + 1, 0
        self.save()
        return result

    def _validate(self, stage: Stage) -> ValidationResult | None:
        if self.validation_set is None or self.ranks.rank != 0:
            return None
        dataset = CropDataset(
            [self.validation_set],
            skeleton=self.skeleton,
            crop_px=stage.crop_px,
            augmentation=None,
            upright=self.recipe.upright,
        )
        learner = self.learner
        return validate(
            learner.averaged,
            dataset,
            learner.normalize,
            position=self.recipe.position,
            workers=self.workers,
        )


def _difference(where: str, theirs: Any, mine: Any) -> str:
    """The first field in which two pieces of JSON differ."""
    if isinstance(theirs, list) and isinstance(mine, list):
        for index, (their, my) in enumerate(zip(theirs, mine, strict=False)):
            if their != my and isinstance(my, dict):
                return _difference(f"{where}.{index}", their, my)
    if isinstance(theirs, dict) and isinstance(mine, dict):
        for key in [*theirs, *mine]:
            if theirs.get(key) != mine.get(key):
                return _difference(f"{where}.{key}", theirs.get(key), mine.get(key))
    return f"{where} is {theirs!r} there and {mine!r} here"
