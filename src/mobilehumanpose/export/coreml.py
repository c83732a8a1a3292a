"""Core ML (``.mlpackage``): for Apple's systems.

It takes pictures as they are (a ``CVPixelBuffer``), and scales them itself. No other system can
run it, so its structure is looked at instead, and its weights are read back for PyTorch to run.

In int8 it is the weights alone that are rounded, with a scale for each channel; the network
computes in float16 as before. Ranges of activations would have to be measured in Core ML itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch

from ..errors import UserError
from ..models.presets import Network
from .graph import ExportGraph, example_image
from .quiet import quiet
from .sidecar import InputSpec, Interface, OutputSpec, usual_outputs
from .source import Source
from .targets import Job, Target, WeightsOnly

#: Operations that compute in float16 on the network's feature maps, which have four axes. The
#: head's have fewer, and stay in float32: halves can neither hold the probabilities of 32³ cells
#: nor sum them.
HALVED = {
    "add",
    "avg_pool",
    "clip",
    "concat",
    "conv",
    "prelu",
    "relu",
    "relu6",
    "resize_bilinear",
    "upsample_bilinear",
}


def convert(job: Job) -> Interface:
    """Write the ``.mlpackage`` folder, once it has the structure that it should have."""
    source, side = job.source, job.source.input_px
    outputs = usual_outputs(source.num_joints, source.grid, with_head=job.with_head)
    graph = ExportGraph(source, with_head=job.with_head, layout="NCHW")
    example = example_image(source, "NCHW")
    with quiet():
        import coremltools

        precision: Any = coremltools.transform.FP16ComputePrecision(op_selector=_may_be_half)
        if job.precision == "float32":
            precision = coremltools.precision.FLOAT32
        # In an exported program sizes are numbers; coremltools trips on those that are tensors.
        program = torch.export.export(graph, (example,)).module()
        with torch.no_grad():
            traced = torch.jit.trace(program, example, check_trace=False)
        model = coremltools.convert(
            traced,
            inputs=[
                coremltools.ImageType(name="image", shape=tuple(example.shape), color_layout="RGB")
            ],
            outputs=[
                coremltools.TensorType(name=output.name, dtype=np.float32) for output in outputs
            ],
            minimum_deployment_target=coremltools.target.iOS16,
            compute_precision=precision,
            skip_model_load=True,
        )
        if job.precision == "int8":
            model = _with_int8_weights(model)
        model.author = "mobilehumanpose"
        model.license = source.metadata.licence
        model.save(str(job.path))
        specification = coremltools.utils.load_spec(str(job.path))
    refuse_other_structure(specification, job, outputs)
    return Interface(
        input=InputSpec(name="image", shape=(1, side, side, 3), layout="NHWC", dtype="uint8"),
        outputs=outputs,
    )


def _with_int8_weights(model: Any) -> Any:
    from coremltools.optimize import coreml as optimize

    as_int8 = optimize.OpLinearQuantizerConfig(
        mode="linear_symmetric", dtype="int8", granularity="per_channel", weight_threshold=0
    )
    settings = optimize.OptimizationConfig(op_type_configs={"conv": as_int8})
    return optimize.linear_quantize_weights(model, settings)


def reread(job: Job) -> Source:
    """The network with the weights that its convolutions have in the file.

    Raises:
        UserError: those of a convolution are not in the file.
    """
    with quiet():
        import coremltools
        from coremltools.optimize import coreml as optimize

        model = coremltools.models.MLModel(str(job.path), skip_model_load=True)
        decompressed = optimize.decompress_weights(model)
        found = optimize.get_weights_metadata(decompressed, weight_threshold=0)
    # What was rounded has that at the end of its name.
    values = {
        name.removesuffix("_quantized").removesuffix("_to_fp16"): constant.val
        for name, constant in found.items()
    }
    network = job.source.folded()
    for layer_name, layer in network.named_modules():
        if not isinstance(layer, torch.nn.Conv2d):
            continue
        for kind, parameter in layer.named_parameters():
            name = f"network.{layer_name}.{kind}".replace(".", "_")
            if name not in values:
                raise UserError(f"{job.path.name}: not written: Core ML has no {name}")
            parameter.data = torch.from_numpy(values[name].astype(np.float32))
    return replace(job.source, network=cast(Network, network), is_folded=True)


def _may_be_half(operation: Any) -> bool:
    return operation.op_type in HALVED and all(output.rank == 4 for output in operation.outputs)


def refuse_other_structure(specification: Any, job: Job, outputs: tuple[OutputSpec, ...]) -> None:
    """Refuse a specification whose input, outputs or operations are not those of the network.

    Raises:
        UserError: what is different.
    """
    from coremltools.proto import FeatureTypes_pb2, MIL_pb2

    side = job.source.input_px
    (image,) = specification.description.input
    picture = image.type.imageType
    rgb = FeatureTypes_pb2.ImageFeatureType.ColorSpace.Value("RGB")
    found: list[tuple[str, Any, Any]] = [
        ("input", image.name, "image"),
        ("input's size", (picture.width, picture.height), (side, side)),
        ("input's colours", picture.colorSpace, rgb),
        (
            "outputs",
            [
                (output.name, tuple(output.type.multiArrayType.shape))
                for output in specification.description.output
            ],
            [(output.name, output.shape) for output in outputs],
        ),
    ]
    function = specification.mlProgram.functions["main"]
    operations = function.block_specializations[function.opset].operations
    kinds = [operation.type for operation in operations]
    convolutions = sum(isinstance(m, torch.nn.Conv2d) for m in job.source.network.modules())
    found.append(("convolutions", kinds.count("conv"), convolutions))
    rounded = convolutions if job.precision == "int8" else 0
    found.append(("int8 weights", kinds.count("constexpr_affine_dequantize"), rounded))
    found.append(("softmax operations", kinds.count("softmax"), int(job.with_head)))
    found += [
        ("type of the softmax", value.type.tensorType.dataType, MIL_pb2.DataType.Value("FLOAT32"))
        for operation in operations
        if operation.type == "softmax"
        for value in operation.outputs
    ]
    for what, is_so, should_be in found:
        if is_so != should_be:
            raise UserError(
                f"{job.path.name}: not written: Core ML's {what}: {is_so}; {should_be} is right"
            )


TARGET = Target(
    name="coreml",
    suffix=".mlpackage",
    packages=("coremltools",),
    extra="export-coreml",
    convert=convert,
    load=WeightsOnly(
        reread=reread,
        why=(
            "not run, since only Apple's systems can: its structure was checked (input, outputs, "
            "convolutions, and that the head computes in float32), and PyTorch ran its weights"
        ),
    ),
    is_calibrated=False,
    is_folder=True,
)
