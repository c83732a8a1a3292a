"""One step: crops through the network, loss, gradients, weights and their running average."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ..errors import UserError
from ..models.blocks import fold_norms
from ..models.checkpoint import CheckpointMetadata, load_checkpoint, save_checkpoint
from ..models.deepen import deepened_weights, is_deeper
from ..models.head import Marginals, joint_marginals
from ..models.lite import LiteNet, freeze_encoder, load_imagenet_encoder
from ..models.onnx_weights import (
    folded_network,
    load_onnx_weights,
    read_onnx,
)
from ..models.presets import Network, build, preset_config
from ..models.slim import has_narrower_forms, slim_weights
from ..skeleton import get_skeleton
from .checkpoints import pack_optimizer, unpack_optimizer
from .dataset import Crops
from .distributed import Ranks
from .losses import (
    coordinate_loss,
    distillation_loss,
    heatmap_loss,
    upstream_coordinate_loss,
)
from .recipe import Recipe, Stage, Triple

#: Crops that a narrower network is fitted on; all of a layer's outputs for them are in memory.
SLIM_IMAGES = 128
#: Crops that a teacher looks at together on a processor: what lies between its layers stays in the
#: cache. Together with bfloat16 it answers 2.8 times as fast as in batches of 32.
TEACHER_BATCH = 4


class NotFiniteError(ArithmeticError):
    """A loss or a gradient that is not finite; the weights are as before the step."""


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What came of a step.

    Attributes:
        loss: over the whole batch, all processes together.
        gradient_norm: before it was scaled down.
        wants_save: whether process 0 asked for a checkpoint.
    """

    loss: float
    gradient_norm: float
    wants_save: bool


def make_normalizer(mean: Triple, std: Triple, device: torch.device) -> Callable[[Tensor], Tensor]:
    """A function from (N, 3, H, W) uint8 RGB on any device to scaled floats on ``device``."""
    mean_of_channels = torch.tensor(mean, device=device).reshape(3, 1, 1)
    std_of_channels = torch.tensor(std, device=device).reshape(3, 1, 1)

    def normalize(pixels: Tensor) -> Tensor:
        scaled = pixels.to(device, non_blocking=True).float() - mean_of_channels
        return (scaled / std_of_channels).contiguous(memory_format=torch.channels_last)

    return normalize


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether it has the instructions for it; one that lacks them would be slower so."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # torch asks this way itself, and has no public one.
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


class Learner:
    """A recipe's network and what trains it.

    Attributes:
        model: the weights that gradients move.
        averaged: those that are used; the model itself where the recipe averages none.
        optimizer: of the model.
        ask_teacher: (N, 3, P, P) uint8 crops → what a trained network believes; None without one.
        steps: that were done.
    """

    def __init__(self, recipe: Recipe, ranks: Ranks) -> None:
        self.recipe = recipe
        self.ranks = ranks
        self.num_joints = get_skeleton(recipe.joint_set).num_joints
        self.steps = 0
        torch.manual_seed(recipe.seed)  # the same new weights on all processes
        self.model: Network = build(
            recipe.preset, num_joints=self.num_joints, activation=recipe.activation
        )
        if isinstance(self.model, LiteNet) and recipe.pretrained_encoder:
            load_imagenet_encoder(self.model)
        # From here on processes draw different numbers, should a layer ever draw any.
        torch.manual_seed(recipe.seed + ranks.rank)
        # What torch's own annotation of `to` forgets to mention.
        self.model.to(ranks.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = self.model
        if recipe.ema_decay is not None:
            self.averaged = copy.deepcopy(self.model).eval().requires_grad_(requires_grad=False)
        self.normalize = make_normalizer(recipe.mean, recipe.std, ranks.device)
        self.ask_teacher: Callable[[Tensor], Marginals] | None = None
        self._taught_sets = torch.tensor([spec.is_taught for spec in recipe.datasets])
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[recipe.optimizer]
        self.optimizer = kind(self._parameter_groups(), fused=True)
        self.uses_amp = recipe.amp and multiplies_bfloat16(ranks.device)
        self.forward: Callable[[Tensor], Tensor] = self.model
        self._stage = recipe.stages[0]
        self._is_prepared = False

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Normalisation and biases are not decayed: pulling them to zero serves nothing."""
        parameters = list(self.model.parameters())
        return [
            {
                "params": [p for p in parameters if p.ndim > 1],
                "weight_decay": self.recipe.weight_decay,
            },
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]

    def pack(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything that steps have changed: tensors by name, and the rest for JSON."""
        moments, rest = pack_optimizer(self.optimizer)
        parts = {"model": self.model.state_dict(), "optimizer": moments}
        if self.averaged is not self.model:
            parts["averaged"] = self.averaged.state_dict()
        tensors = {
            f"{part}.{key}": tensor
            for part, items in parts.items()
            for key, tensor in items.items()
        }
        return tensors, {"optimizer": rest}

    def unpack(self, tensors: Mapping[str, Tensor], rest: Mapping[str, Any], steps: int) -> None:
        """Put back what :meth:`pack` took after ``steps``."""
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "averaged": {}, "optimizer": {}}
        for key, tensor in tensors.items():
            part, name = key.split(".", 1)
            parts[part][name] = tensor
        self.model.load_state_dict(parts["model"])
        if self.averaged is not self.model:
            self.averaged.load_state_dict(parts["averaged"])
        unpack_optimizer(self.optimizer, parts["optimizer"], rest["optimizer"])
        self.steps = steps

    def start_from(self, path: Path, pixels: Tensor) -> None:
        """Begin with the weights of a file instead of new ones.

        Args:
            path: a ``.safetensors`` file of a network, or a model that was exported as ``.onnx``;
                narrower forms of ``lpski-lite0`` and ``lpski-basic`` begin with a part of their
                weights, deeper ones with all.
            pixels: (N, 3, P, P) uint8 training crops, on which the normalisations that an export
                folded away are measured anew.

        Raises:
            UserError: the file cannot be read, or holds another network than the recipe's.
        """
        recipe = self.recipe
        mine: dict[str, Any] = {"preset": recipe.preset, "joint_set": recipe.joint_set}
        if path.suffix == ".onnx":
            description, weights, mean, std = read_onnx(path)
            if not (np.allclose(mean, recipe.mean, 1e-3) and np.allclose(std, recipe.std, 1e-3)):
                raise UserError(
                    f"{path}: scales its pixels by mean {mean} and std {std}, "
                    f"the recipe by {recipe.mean} and {recipe.std}"
                )
            theirs = preset_config(description.preset)
            ours = preset_config(recipe.preset)
            if is_deeper(theirs, ours):
                _refuse_other(path, {"joint_set": recipe.joint_set}, description)
                weights = deepened_weights(weights, self.model)
            elif description.preset != recipe.preset and has_narrower_forms(theirs, ours):
                _refuse_other(path, {"joint_set": recipe.joint_set}, description)
                wide = folded_network(
                    weights, preset=description.preset, num_joints=self.num_joints, source=path
                )
                images = self.normalize(pixels[:SLIM_IMAGES]).cpu()
                weights = slim_weights(wide, self.model, images, source=path)
            else:
                _refuse_other(path, mine, description)
            load_onnx_weights(self.model, weights, self.normalize(pixels), source=path)
        else:
            model, metadata = load_checkpoint(path)
            mine |= {"activation": recipe.activation, "mean": recipe.mean, "std": recipe.std}
            _refuse_other(path, mine, metadata)
            self.model.load_state_dict(model.state_dict())
        if self.averaged is not self.model:
            self.averaged.load_state_dict(self.model.state_dict())

    def learn_from(self, path: Path) -> None:
        """Have a trained network say what it sees in the crops too.

        Args:
            path: its ``.safetensors`` file, or a model that was exported as ``.onnx``; it may be
                another network with other scaling.

        Raises:
            UserError: the file cannot be read, or the network has other joints.
        """
        mine = {"joint_set": self.recipe.joint_set}
        if path.suffix == ".onnx":
            model = read_onnx(path)
            description, mean, std = model.description, model.mean, model.std
            _refuse_other(path, mine, description)
            folded: nn.Module = folded_network(
                model.weights, preset=description.preset, num_joints=self.num_joints, source=path
            )
        else:
            teacher, metadata = load_checkpoint(path)
            mean, std = metadata.mean, metadata.std
            _refuse_other(path, mine, metadata)
            folded = fold_norms(teacher)
        # What torch's own annotation of `to` forgets to mention.
        folded.to(self.ranks.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        normalize = make_normalizer(mean, std, self.ranks.device)

        on_processor = self.ranks.device.type == "cpu"
        # A belief need not be exact.
        uses_bfloat16 = on_processor and multiplies_bfloat16(self.ranks.device)

        @torch.no_grad()
        def ask(pixels: Tensor) -> Marginals:
            with torch.autocast(self.ranks.device.type, torch.bfloat16, enabled=uses_bfloat16):
                images = normalize(pixels)
                parts = images.split(TEACHER_BATCH) if on_processor else (images,)
                heatmaps = torch.cat([folded(part) for part in parts])
            return joint_marginals(heatmaps, self.num_joints)

        self.ask_teacher = ask

    def save_network(self, path: Path) -> None:
        """Write the network that is to be used, without what only training needs.

        Raises:
            UserError: the file cannot be written.
        """
        recipe = self.recipe
        metadata = CheckpointMetadata(
            preset=recipe.preset,
            activation=recipe.activation,
            joint_set=recipe.joint_set,
            mean=recipe.mean,
            std=recipe.std,
            licence=recipe.licence,
            trained_on=recipe.trained_on,
            position=recipe.position,
        )
        save_checkpoint(path, self.averaged, metadata)

    def prepare(self, stage: Stage) -> None:
        """Make ready for an epoch of ``stage``: training mode, what is frozen, the processes."""
        self.model.train()
        if isinstance(self.model, LiteNet):
            freeze_encoder(self.model, stage.frozen_blocks)
        if self._is_prepared and self._stage is stage:
            return
        self._stage, self._is_prepared = stage, True
        forward: nn.Module = self.model
        if self.ranks.num_ranks > 1:
            # Made anew for each stage, since it looks but once at what is frozen. Batch
            # normalisation sees each process's part of the batch, and keeps process 0's
            # statistics, as the original's.
            device_ids = [self.ranks.device] if self.ranks.device.type == "cuda" else None
            forward = DistributedDataParallel(forward, device_ids=device_ids)
        self.forward = torch.compile(forward) if self.recipe.compile else forward

    def __call__(self, crops: Crops, learning_rate: float, *, wants_save: bool) -> StepResult:
        """Learn from this process's part of a batch.

        Args:
            crops: the part.
            learning_rate: of this step.
            wants_save: whether this process would save now; only process 0 is heard.

        Raises:
            NotFiniteError: the loss or a gradient is not finite, on every process alike.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        device, num_ranks = self.ranks.device, self.ranks.num_ranks
        targets = crops.targets.to(device, non_blocking=True)
        known = crops.known.to(device, non_blocking=True).float()
        with torch.autocast(device.type, torch.bfloat16, enabled=self.uses_amp):
            heatmaps = self.forward(self.normalize(crops.pixels))
        marginals = joint_marginals(heatmaps, self.num_joints)
        coordinates = (
            upstream_coordinate_loss if self.recipe.upstream_coordinate_loss else coordinate_loss
        )
        terms = [(1.0, coordinates(marginals, targets, known))]
        if self.recipe.heatmap_weight:
            terms.append((self.recipe.heatmap_weight, heatmap_loss(marginals, targets, known)))
        if self.ask_teacher is not None and self._stage.teacher_weight:
            is_taught = self._taught_sets[crops.source[:, 0]]
            mine = Marginals(*(part[is_taught.to(device)] for part in marginals))
            theirs = self.ask_teacher(crops.pixels[is_taught])
            terms.append((self._stage.teacher_weight, distillation_loss(mine, theirs)))
        # Means are over the whole batch: a process with few known joints must not count as much
        # as one with many. What process 0 wants travels along.
        asks = torch.tensor(float(wants_save and self.ranks.rank == 0), device=device)
        *counts, saves = self.ranks.sum(torch.stack([term.count for _, term in terms] + [asks]))
        share = torch.zeros((), device=device)
        for (weight, term), count in zip(terms, counts, strict=True):
            share = share + weight * (term.total / count.clamp(min=1))
        self.optimizer.zero_grad()
        (share * num_ranks).backward()  # DistributedDataParallel averages; a sum is wanted
        norm = nn.utils.clip_grad_norm_(
            self.model.parameters(), self.recipe.max_gradient_norm or math.inf
        )
        loss = self.ranks.sum(share)
        if not torch.isfinite(loss + norm):
            raise NotFiniteError(f"loss {loss.item()}, gradient norm {norm.item()}")
        self.optimizer.step()
        self.steps += 1
        if self.averaged is not self.model:
            self._average()
        return StepResult(
            loss=loss.item(), gradient_norm=norm.item(), wants_save=bool(saves.item())
        )

    @torch.no_grad()
    def _average(self) -> None:
        # A young average forgets its random start sooner.
        steps = self.steps - 1
        decay = min(self.recipe.ema_decay or 0.0, (1 + steps) / (10 + steps))
        for mean, weight in zip(self.averaged.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(weight, 1 - decay)
        # Running statistics too: those of the last few batches are noisy, and belong to the last
        # weights and not to the averaged ones. Copying them cost 3 points of PCK.
        for kept, statistic in zip(self.averaged.buffers(), self.model.buffers(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(statistic, 1 - decay)
            else:
                kept.copy_(statistic)


def _refuse_other(path: Path, mine: Mapping[str, Any], theirs: object) -> None:
    for name, value in mine.items():
        if getattr(theirs, name) != value:
            raise UserError(
                f"{path}: its {name} is {getattr(theirs, name)!r}, the recipe's {value!r}"
            )
