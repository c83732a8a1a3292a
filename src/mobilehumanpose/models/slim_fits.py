"""Which channels of a trained layer matter, and layers that are fitted to give what they gave."""

from __future__ import annotations

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor]

#: Places of each picture that a layer is fitted on.
PLACES = 200
#: Pictures at a time whose windows are all in memory.
UNFOLDED = 8
#: Of the mean square of the inputs; keeps inputs that are alike from cancelling each other.
RIDGE = 1e-3


def fit_convolution(
    inputs: Tensor, wanted: Tensor, *, kernel: int = 1, stride: int = 1
) -> tuple[Tensor, Tensor]:
    """The convolution that makes of some pictures nearly what is wanted, by least squares.

    Args:
        inputs: (N, C, H, W).
        wanted: (N, D, H / stride, W / stride).
        kernel: side of its square kernel, an odd number; padded so as to keep the size.
        stride: of the convolution.

    Returns:
        Its weight (D, C, kernel, kernel) and bias (D,).
    """
    height, width = wanted.shape[-2:]
    count = min(height * width, PLACES)
    chosen = torch.linspace(0, height * width - 1, count).round().long()
    windows = [
        nn.functional.unfold(part, kernel, padding=kernel // 2, stride=stride)[:, :, chosen]
        for part in inputs.split(UNFOLDED)
    ]
    columns = torch.cat(windows).movedim(1, -1).flatten(0, 1).double()
    targets = wanted.flatten(2)[:, :, chosen].movedim(1, -1).flatten(0, 1).double()
    input_mean, target_mean = columns.mean(dim=0), targets.mean(dim=0)
    columns, targets = columns - input_mean, targets - target_mean
    gram = columns.T @ columns
    gram.diagonal().add_(RIDGE * gram.diagonal().mean())
    matrix = torch.linalg.solve(gram, columns.T @ targets).T
    bias = target_mean - matrix @ input_mean
    return matrix.float().reshape(-1, inputs.shape[1], kernel, kernel), bias.float()


def spread(outputs: Tensor) -> Tensor:
    """Standard deviation of each channel of (N, C, H, W)."""
    return outputs.movedim(1, 0).flatten(1).std(dim=1)


def strongest(use: Tensor, count: int) -> Tensor:
    """Indices of the largest, in order."""
    return use.topk(count).indices.sort().values
