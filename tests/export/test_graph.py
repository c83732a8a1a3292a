"""What every converter reads: the same numbers in other forms."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from mobilehumanpose.decode import POSITIONS, decode_heatmaps
from mobilehumanpose.export.graph import ExportGraph, MaxPReLU, replace_prelus
from mobilehumanpose.export.source import Reference


@pytest.mark.parametrize("position", POSITIONS)
def test_with_and_without_its_head_a_graph_answers_as_the_network_does(source, crops, position):
    source = replace(source, metadata=replace(source.metadata, position=position))
    expected_cells, expected_scores = Reference(source)(crops[:4])
    images = torch.from_numpy(crops[:4])
    joints = ExportGraph(source, with_head=True, layout="NHWC")
    heatmaps = ExportGraph(source, with_head=False, layout="NCHW", scales=False)
    with torch.no_grad():
        cells, scores = joints(images)
        maps = heatmaps(source.scaled(crops[:4]))
    np.testing.assert_allclose(cells, expected_cells, atol=1e-3)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-3)
    decoded_cells, decoded_scores = decode_heatmaps(maps.numpy(), source.num_joints, position)
    np.testing.assert_allclose(decoded_cells, expected_cells, atol=1e-3)
    np.testing.assert_allclose(decoded_scores, expected_scores, atol=1e-3)


def test_prelus_as_maxima_change_nothing(prelu_source, crops):
    images = prelu_source.scaled(crops[:2])
    network = prelu_source.folded()
    steep = next(m for m in network.modules() if isinstance(m, nn.PReLU))
    steep.weight[0] = 1.5  # a maximum is no such PReLU, which stays
    with torch.no_grad():
        expected = network(images)
        replace_prelus(network)
        np.testing.assert_allclose(network(images), expected, atol=1e-5)
    kinds = [type(m) for m in network.modules()]
    assert kinds.count(nn.PReLU) == 1
    assert kinds.count(MaxPReLU) > 5
