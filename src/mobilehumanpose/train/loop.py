"""The training loop: stages of a recipe, averaged weights, and a state that survives a kill."""

from __future__ import annotations

import copy
import json
import math
import os
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..data.samples import PoseDataset
from ..data.sampling import SeededBatches, concatenated_order
from ..errors import UserError
from ..models.head import joint_probabilities
from ..models.lite import LiteNet, freeze_encoder, load_imagenet_encoder
from ..models.presets import Network, build
from ..skeleton import get_skeleton
from .dataset import CropDataset
from .losses import coordinate_loss, heatmap_loss
from .recipes import Recipe, Stage
from .validation import ValidationResult, validate

SAVE_EVERY_SECONDS = 120.0

#: Scaling of the 0…255 pixels that the Lite0 encoder was trained on.
INPUT_MEAN = (127.0, 127.0, 127.0)
INPUT_STD = (128.0, 128.0, 128.0)


def normalize(pixels: Tensor) -> Tensor:
    """(N, 3, H, W) uint8 RGB → float, scaled by ``INPUT_MEAN`` and ``INPUT_STD``."""
    mean = torch.tensor(INPUT_MEAN).reshape(3, 1, 1)
    std = torch.tensor(INPUT_STD).reshape(3, 1, 1)
    return ((pixels.float() - mean) / std).contiguous(memory_format=torch.channels_last)


class Trainer:
    """One run in one folder: ``state.pt`` to go on from, ``log.jsonl`` to read."""

    def __init__(
        self,
        recipe: Recipe,
        *,
        train_set: PoseDataset,
        validation_set: PoseDataset,
        out_dir: Path,
        console: Console,
        workers: int = 1,
    ) -> None:
        self.recipe = recipe
        self.train_set = train_set
        self.validation_set = validation_set
        self.out_dir = out_dir
        self.console = console
        self.workers = workers
        self.skeleton = get_skeleton(recipe.joint_set)
        torch.manual_seed(recipe.seed)
        self.model: Network = build(
            recipe.preset, num_joints=self.skeleton.num_joints, activation="relu6"
        )
        if isinstance(self.model, LiteNet):
            load_imagenet_encoder(self.model)
        # What torch's own annotation of `to` forgets to mention.
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.model).eval().requires_grad_(requires_grad=False)
        self.optimizer = torch.optim.AdamW(self._parameter_groups(), fused=True)
        self.stage_index = 0
        self.epoch = 0  # within the stage
        self.batch = 0  # within the epoch
        self.steps = 0  # over all stages
        out_dir.mkdir(parents=True, exist_ok=True)

    def _parameter_groups(self) -> list[dict[str, object]]:
        """Normalisation and biases are not decayed: pulling them to zero serves nothing."""
        parameters = list(self.model.parameters())
        return [
            {
                "params": [p for p in parameters if p.ndim > 1],
                "weight_decay": self.recipe.weight_decay,
            },
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]

    # -- state ---------------------------------------------------------------------------------

    @property
    def state_path(self) -> Path:
        """Where the run's state lies."""
        return self.out_dir / "state.pt"

    def save(self) -> None:
        """Write the state to a temporary name, then rename: a kill leaves the old one whole."""
        temporary = self.state_path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            torch.save(
                {
                    "recipe": self.recipe.name,
                    "model": self.model.state_dict(),
                    "averaged": self.averaged.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                    "position": [self.stage_index, self.epoch, self.batch, self.steps],
                    "torch_rng": torch.get_rng_state(),
                },
                file,
            )
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.state_path)

    def resume(self) -> None:
        """Go on from the saved state.

        Raises:
            UserError: the state belongs to another recipe.
        """
        state = torch.load(self.state_path, map_location="cpu", weights_only=True)
        if state["recipe"] != self.recipe.name:
            raise UserError(
                f"{self.state_path}: is a run of recipe {state['recipe']!r}, "
                f"not of {self.recipe.name!r}"
            )
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.stage_index, self.epoch, self.batch, self.steps = state["position"]
        torch.set_rng_state(state["torch_rng"])

    # -- training ------------------------------------------------------------------------------

    def run(self) -> ValidationResult:
        """Carry out what is left of the recipe; the validation result of the last epoch."""
        result = None
        while self.stage_index < len(self.recipe.stages):
            stage = self.recipe.stages[self.stage_index]
            while self.epoch < stage.epochs:
                self._run_epoch(stage)
                result = self._finish_epoch(stage)
            self.stage_index, self.epoch = self.stage_index + 1, 0
            self.save()
        return result or self._validate(self.recipe.stages[-1])

    def _run_epoch(self, stage: Stage) -> None:
        self.model.train()
        if isinstance(self.model, LiteNet):
            freeze_encoder(self.model, stage.frozen_blocks)
        epochs_before = sum(s.epochs for s in self.recipe.stages[: self.stage_index])
        num_samples = len(self.train_set.samples)
        epoch = epochs_before + self.epoch
        rng = np.random.default_rng((self.recipe.seed, epoch))
        batches = SeededBatches(
            rng.permutation(concatenated_order([num_samples])),
            stage.batch_size,
            variation=self.recipe.seed * 1_000_003 + epoch,
            first_batch=self.batch,
        )
        dataset = CropDataset(
            [self.train_set],
            skeleton=self.skeleton,
            crop_px=stage.crop_px,
            augmentation=self.recipe.augmentation,
        )
        loader = DataLoader(dataset, batch_sampler=batches, num_workers=self.workers)
        batches_an_epoch = num_samples // stage.batch_size
        saved_at = started_at = time.monotonic()
        losses: list[float] = []
        progress = track(
            loader,
            f"{stage.crop_px} px, epoch {self.epoch + 1} of {stage.epochs}",
            total=len(batches),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        for pixels, targets, known in progress:
            step_in_stage = self.epoch * batches_an_epoch + self.batch
            rate = learning_rate(
                stage, step_in_stage, stage.epochs * batches_an_epoch, self.recipe.warmup_steps
            )
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            losses.append(self._step(pixels, targets, known.float()))
            self.batch += 1
            self.steps += 1
            if time.monotonic() - saved_at > SAVE_EVERY_SECONDS:
                self.save()
                saved_at = time.monotonic()
        seconds = time.monotonic() - started_at
        self._log(
            stage=self.stage_index,
            epoch=self.epoch,
            loss=float(np.mean(losses)) if losses else None,
            images_per_second=len(losses) * stage.batch_size / seconds,
        )

    def _step(self, pixels: Tensor, targets: Tensor, known: Tensor) -> float:
        heatmaps = self.model(normalize(pixels))
        probabilities = joint_probabilities(heatmaps, self.skeleton.num_joints)
        loss = coordinate_loss(probabilities, targets, known)
        if self.recipe.heatmap_weight:
            loss = loss + self.recipe.heatmap_weight * heatmap_loss(probabilities, targets, known)
        self.optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.max_gradient_norm)
        if not torch.isfinite(norm):
            raise FloatingPointError(
                f"stage {self.stage_index}, epoch {self.epoch}, batch {self.batch}: loss "
                f"{loss.item()}, gradient norm {norm.item()}; the last saved state is whole"
            )
        self.optimizer.step()
        self._average()
        return loss.item()

    @torch.no_grad()
    def _average(self) -> None:
        # A young average forgets its random start sooner.
        decay = min(self.recipe.ema_decay, (1 + self.steps) / (10 + self.steps))
        for mean, weight in zip(self.averaged.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(weight, 1 - decay)
        # Running statistics too: those of the last few batches are noisy, and belong to the last
        # weights and not to the averaged ones. Copying them cost 3 points of PCK.
        for kept, statistic in zip(self.averaged.buffers(), self.model.buffers(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(statistic, 1 - decay)
            else:
                kept.copy_(statistic)

    def _finish_epoch(self, stage: Stage) -> ValidationResult:
        self.epoch, self.batch = self.epoch + 1, 0
        self.save()
        result = self._validate(stage)
        self._log(stage=self.stage_index, epoch=self.epoch - 1, **asdict(result))
        self.console.print(
            f"{stage.crop_px} px, epoch {self.epoch} of {stage.epochs}: "
            f"PCK@0.2 {result.pck_torso:.3f}, depth {result.depth_error_mm:.0f} mm"
        )
        return result

    def _validate(self, stage: Stage) -> ValidationResult:
        dataset = CropDataset(
            [self.validation_set],
            skeleton=self.skeleton,
            crop_px=stage.crop_px,
            augmentation=None,
        )
        return validate(self.averaged, dataset, normalize, workers=self.workers)

    def _log(self, **entry: object) -> None:
        with (self.out_dir / "log.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")


def learning_rate(stage: Stage, step: int, num_steps: int, warmup_steps: int) -> float:
    """Linear warm-up to the stage's peak, then a cosine to its final rate at ``num_steps``."""
    warmup = min(1.0, (step + 1) / warmup_steps)
    cosine = (1 + math.cos(math.pi * step / num_steps)) / 2
    low, high = stage.final_learning_rate, stage.peak_learning_rate
    return warmup * (low + (high - low) * cosine)
