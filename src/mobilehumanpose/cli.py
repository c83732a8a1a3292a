"""The command ``mhp``.

Each verb parses its options and hands over to the module that does the work. Modules that need
torch are imported inside the verbs that need them, so that the runtime's verbs start without it.
"""

from __future__ import annotations

import importlib.util
import io
import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from . import __version__
from .errors import UserError
from .geometry import DEFAULT_FOV_DEGREES
from .weights import DEFAULT_MODEL

app = typer.Typer(
    help="3D human pose for phones, browsers and laptops.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Look after datasets.", no_args_is_help=True)
app.add_typer(data_app, name="data")
# What is printed are names of files and plain words: nothing in them is mark-up.
console = Console(markup=False, emoji=False, highlight=False)


def _say(text: str) -> None:
    console.print(text, soft_wrap=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        console.print(__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    """Hold what all verbs share."""


@app.command()
def predict(
    sources: Annotated[
        list[Path], typer.Argument(help="Photographs and videos, or folders of them.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("output/predict"),
    model: Annotated[str, typer.Option(help="Bundled model, or path of an .onnx file.")] = (
        DEFAULT_MODEL
    ),
    fov: Annotated[
        float | None,
        typer.Option(
            help="Field of view across the longer image side, in degrees; "
            f"{DEFAULT_FOV_DEGREES:g} is assumed without it."
        ),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(help="Person's box x,y,width,height in px; may be given several times."),
    ] = None,
    stature: Annotated[float, typer.Option(help="Standing height of the people, in metres.")] = 1.7,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="Which files to write: for photographs of jpg,json,html,csv, for videos of "
            "mp4,json,csv,trc,bvh; may be given several times; without it jpg,json,html and "
            "mp4,json.",
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of the network.")] = None,
    closely: Annotated[
        bool | None,
        typer.Option(
            "--closely/--quick",
            help="Look at people once more from ten views, for better joints, or don't; "
            "photographs are looked at closely without it, videos are not.",
        ),
    ] = None,
) -> None:
    """Find people's poses in photographs and videos.

    A photograph gives an overlay picture, JSON, and a 3D page to turn; a video, in which one person
    is followed, an overlay video and JSON.
    """
    from .predict_command import predict_files

    predict_files(
        sources,
        out,
        model=model,
        fov=fov,
        box=box,
        stature=stature,
        formats=formats,
        threads=threads,
        closely=closely,
        console=console,
    )


@app.command()
def models(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """List the networks (joints, input, size, work) and the models that ship, with accuracy."""
    from .models_command import print_models
    from .weights.catalogue import catalogue

    entries = catalogue()
    if as_json:
        sys.stdout.write(json.dumps(entries, indent=1) + "\n")
        return
    print_models(entries, console=console)


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="Name of the recipe, see docs/training.md.")],
    data: Annotated[Path, typer.Option(help="Folder with the datasets.")] = Path("data"),
    out: Annotated[Path, typer.Option(help="Folder of model_dump and log.")] = Path("output"),
    go_on: Annotated[
        bool, typer.Option("--continue", help="Go on from the run's newest checkpoint.")
    ] = False,
    init: Annotated[
        Path | None,
        typer.Option(help="Begin with these weights, .safetensors or .onnx, instead of new ones."),
    ] = None,
    teacher: Annotated[
        Path | None,
        typer.Option(help="A trained network to learn from, .safetensors or .onnx, likewise."),
    ] = None,
    gpu: Annotated[str | None, typer.Option(help="GPUs, one process each: 0, 0,1 or 0-1.")] = None,
    processes: Annotated[
        int | None, typer.Option(help="So many processes on the processor instead.")
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help="LPRES, LPSKI or LPWO instead of the recipe's.")
    ] = None,
    crop_px: Annotated[
        int | None, typer.Option(help="Side of the crops instead of the recipe's.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs of each stage instead of the recipe's.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Crops a step, of all processes together, likewise.")
    ] = None,
    learning_rate_scale: Annotated[
        float | None, typer.Option(help="Multiplies the recipe's learning rates.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Decides order, variations and new weights, likewise.")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of PyTorch in each process.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that cut crops, for each.")] = 1,
) -> None:
    """Train a network by a recipe."""
    _need("torch", "train")
    from .train.command import run_recipe

    run_recipe(
        recipe,
        data=data,
        out=out,
        go_on=go_on,
        console=console,
        init=init,
        teacher=teacher,
        gpu=gpu,
        processes=processes,
        backbone=backbone,
        crop_px=crop_px,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate_scale=learning_rate_scale,
        seed=seed,
        threads=threads,
        workers=workers,
    )


@app.command("test")
def measure(
    name: Annotated[
        str,
        typer.Argument(
            help="What to test on: human36m-protocol1, human36m-protocol2, human36m-roots, mupots, "
            "mupots-roots, mpi-inf-3dhp, coco, lspet or synth. "
            "Or a recipe, whose networks are tested."
        ),
    ],
    data: Annotated[Path, typer.Option(help="Folder that holds Human36M, MuPoTS …")] = Path("data"),
    out: Annotated[
        Path, typer.Option(help="Folder that gets result/, and has a recipe's model_dump/.")
    ] = Path("output"),
    model: Annotated[
        str | None,
        typer.Option(
            help="Bundled model, or path of an .onnx or .safetensors file; "
            f"{DEFAULT_MODEL} without it."
        ),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(help="Evaluate this file of predictions, of any tool, instead of a model."),
    ] = None,
    epochs: Annotated[
        str | None,
        typer.Option(
            "--test-epoch",
            "--test_epoch",
            "--epochs",
            help="Of a recipe: the networks after these epochs, 20, 20,24 or 20-24, "
            "instead of the one in the end.",
        ),
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(help="Of a recipe: test on this instead of what belongs to it.")
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help="Of a recipe: it was trained with this --backbone.")
    ] = None,
    detected: Annotated[
        bool, typer.Option("--detected", help="Boxes and roots of bbox_root, not the true ones.")
    ] = False,
    flip: Annotated[
        str,
        typer.Option(help="Average with the mirrored crop: exact, upstream (as published) or off."),
    ] = "exact",
    gpu: Annotated[
        str | None,
        typer.Option(help="GPU for .safetensors networks; of several, like 0-1, the first."),
    ] = None,
) -> None:
    """Measure a model, a recipe's networks or a file of predictions, and write a report.

    The networks of a recipe are those that mhp train has left in model_dump/.
    """
    flips: dict[str, Literal["exact", "upstream"] | None] = {
        "exact": "exact",
        "upstream": "upstream",
        "off": None,
    }
    if flip not in flips:
        raise typer.BadParameter(f"--flip {flip!r}: choose of {', '.join(flips)}")
    _need("scipy", "evaluate")
    from .evaluate.command import MeasureOptions, measure_model, measure_predictions
    from .evaluate.protocols import TEST_PROTOCOLS

    is_recipe = name not in TEST_PROTOCOLS
    wrong = (
        {"--model": model, "--predictions": predictions}
        if is_recipe
        else {"--test-epoch": epochs, "--protocol": protocol, "--backbone": backbone}
    )
    for option, value in wrong.items():
        if value is not None:
            what = "a protocol" if is_recipe else "a recipe"
            raise UserError(f"{option} goes with {what}, which {name!r} is not")
    if predictions is not None and (model is not None or detected):
        other = "--model" if model is not None else "--detected"
        raise UserError(f"{other} and --predictions: give one of them")
    options = MeasureOptions(
        data=data, out=out, detected=detected, flip=flips[flip], device=_device(gpu)
    )
    if is_recipe:
        if importlib.util.find_spec("torch") is None:
            raise UserError(
                f"{name!r} is none of the tests {', '.join(TEST_PROTOCOLS)}; a recipe's networks "
                "need torch: pip install 'mobilehumanpose[train]'"
            )
        from .train.measure import measure_recipe

        measure_recipe(
            name,
            protocol=protocol,
            epochs=epochs,
            backbone=backbone,
            options=options,
            console=console,
        )
    elif predictions is not None:
        measure_predictions(name, predictions, options, console)
    else:
        if model is not None and model.endswith(".safetensors"):
            _need("torch", "train")
        measure_model(name, model or DEFAULT_MODEL, options, console)


def _device(gpu: str | None) -> str | None:
    if gpu is None:
        return None
    _need("torch", "train")
    from .train.distributed import parse_gpus

    return f"cuda:{parse_gpus(gpu)[0]}"


@data_app.command("check")
def data_check(
    name: Annotated[
        str,
        typer.Argument(
            help="human36m, lspet, mpi-inf-3dhp, mpii, mscoco, muco, mupots, synth, or a .toml."
        ),
    ],
    data: Annotated[Path, typer.Option(help="Folder that holds the dataset.")] = Path("data"),
    part: Annotated[
        list[str] | None, typer.Option(help="Only this part, e.g. train; may be given again.")
    ] = None,
) -> None:
    """Look for everything that is wrong with a dataset before a night is lost."""
    from .data.check import check_dataset, format_report

    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("pictures", total=None)
        report = check_dataset(
            name,
            data,
            parts=part,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    _say(format_report(report))
    if not report.is_usable:
        raise typer.Exit(1)


@data_app.command("prepare")
def data_prepare(
    name: Annotated[str, typer.Argument(help="human36m.")],
    raw: Annotated[Path, typer.Argument(help="Folder of the raw release.")],
    data: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("data"),
) -> None:
    """Make annotation files and pictures from a dataset's raw release."""
    if name != "human36m":
        raise UserError(f"{name!r}: only human36m is prepared; the others are read as they come")
    _need("cdflib", "data")
    from .data.prepare_human36m import prepare_human36m

    prepared = prepare_human36m(raw, data, progress=_say)
    for note in prepared.notes:
        _say(note)
    _say(f"{prepared.num_images} pictures: check them with mhp data check human36m")


@data_app.command("miniature")
def data_miniature(
    names: Annotated[
        list[str], typer.Argument(help="human36m, mpi-inf-3dhp, mpii, mscoco, muco, mupots.")
    ],
    data: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("data"),
) -> None:
    """Write tiny sets of drawn people in the datasets' layouts, to try things out on."""
    from .data.miniature import write_miniature

    for name in names:
        write_miniature(name, data)
        _say(f"{name}: written to {data}")


@data_app.command("synth")
def data_synth(
    out: Annotated[Path, typer.Option(help="Folder for the shards.")],
    motion: Annotated[Path, typer.Option(help="Zip file of motion capture.")],
    count: Annotated[int, typer.Option(help="Pictures in all.")] = 1000,
    seed: Annotated[int, typer.Option(help="Decides every picture.")] = 0,
    assets: Annotated[
        Path | None,
        typer.Option(help="MakeHuman's clothes, hair and skins, a folder or zip; else painted."),
    ] = None,
    backgrounds: Annotated[
        Path | None, typer.Option(help="Folder of pictures and panoramas without people.")
    ] = None,
    split: Annotated[str, typer.Option(help="Motions to draw from: train or held-out.")] = "train",
    workers: Annotated[int, typer.Option(help="Processes that make pictures.")] = 2,
    per_shard: Annotated[int, typer.Option(help="Pictures in each zip file.")] = 1000,
) -> None:
    """Make pictures of synthetic people with 3D labels; goes on where it was stopped."""
    for package in ("moderngl", "anny"):
        _need(package, "synth")
    from .synth.command import checked_split, synthesize
    from .synth.engine import Sources
    from .synth.shards import ShardPlan

    sources = Sources(motion=motion, assets=assets, backgrounds=backgrounds)
    plan = ShardPlan(
        folder=out,
        split=checked_split(split),
        seed=seed,
        count=count,
        per_shard=per_shard,
        sources=sources.names,
    )
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("pictures", total=count)
        made = synthesize(
            plan,
            sources,
            workers=workers,
            progress=lambda done: progress.update(task, completed=done),
        )
    _say(f"{made:,} pictures made, {count - made:,} were there: {out}")


@data_app.command("synth-sheet")
def data_synth_sheet(
    folder: Annotated[Path, typer.Argument(help="Folder of the shards.")],
    out: Annotated[Path, typer.Option(help="Folder for the two sheets.")] = Path("output/synth"),
    count: Annotated[int, typer.Option(help="Pictures on each.")] = 48,
    split: Annotated[str, typer.Option(help="train or held-out.")] = "train",
) -> None:
    """Put pictures of a synthetic set on one sheet, plain and with their skeletons."""
    _need("moderngl", "synth")
    from .synth.command import checked_split, write_sheets

    for path in write_sheets(folder, checked_split(split), count, out):
        _say(str(path))


@app.command()
def export(
    model: Annotated[
        str,
        typer.Argument(
            help="Bundled model, .safetensors, an .onnx of ours, or the original's "
            "snapshot_N.pth.tar."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The file to write, or a folder for it.")],
    to: Annotated[
        str,
        typer.Option(
            help="onnx, litert, openvino, ncnn, executorch, coreml; or safetensors, to train on."
        ),
    ] = "onnx",
    precision: Annotated[
        str | None,
        typer.Option(help="float32, float16 (weights of half the size) or int8."),
    ] = None,
    with_head: Annotated[
        bool | None,
        typer.Option(
            "--with-head/--heatmaps", help="Joints come out, or heat-maps that the app decodes."
        ),
    ] = None,
    photos: Annotated[
        list[Path] | None,
        typer.Option("--photo", help="Photographs to compare the file with PyTorch on."),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(help="For int8: folder of 64 or more photographs like those of the app."),
    ] = None,
    whole: Annotated[
        bool,
        typer.Option("--calibration-whole", help="They are crops: look for nobody in them."),
    ] = False,
    benchmark: Annotated[
        Path | None,
        typer.Option(help="Folder with lspet-train.*, to measure on what the file loses."),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Network of an original snapshot, e.g. lpski-32.")
    ] = None,
    joint_set: Annotated[
        str | None, typer.Option(help="Joint set of an original snapshot, e.g. muco-21.")
    ] = None,
    position: Annotated[
        str | None,
        typer.Option(
            help="Joints are where a heat-map has its mean or its peak, not as MODEL says."
        ),
    ] = None,
    average: Annotated[
        list[str] | None,
        typer.Option(help="Another run of the same network: the mean of all weights is exported."),
    ] = None,
) -> None:
    """Write a trained network as a file for an app or for mhp itself, after a parity check."""
    _need("torch", "export")
    from .export.command import ExportOptions, export_model
    from .export.targets import PRECISIONS

    if precision is not None and precision not in PRECISIONS:
        raise typer.BadParameter(f"--precision {precision!r}: choose of {', '.join(PRECISIONS)}")
    options = ExportOptions(
        to=to,
        precision=precision,
        with_head=with_head,
        photos=photos or (),
        calibration=calibration,
        calibration_boxes="whole" if whole else "found",
        benchmark=benchmark,
        preset=preset,
        joint_set=joint_set,
        position=position,  # type: ignore[arg-type]
        others=average or (),
    )
    _say(export_model(model, out, options))


@app.command()
def bench(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="Bundled models, files of mhp export, or presets, for random weights: lpski-xs, "
            f"lpski-xs:relu6, lpski-xs:relu6:int8 …; {DEFAULT_MODEL} without any."
        ),
    ] = None,
    runtime: Annotated[
        list[str] | None,
        typer.Option(help="onnxruntime, litert, openvino or ncnn; may be given again."),
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads of every network.")] = 2,
    rounds: Annotated[int, typer.Option(help="Rounds in which each takes a turn.")] = 100,
    blazepose: Annotated[
        Path | None, typer.Option(help="Folder of pose_landmark_*.tflite to compare with.")
    ] = None,
    photo: Annotated[Path | None, typer.Option(help="Photograph to cut from, else noise.")] = None,
    box: Annotated[
        str | None, typer.Option(help="Person's box x,y,width,height in px in the photograph.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("output/bench"),
) -> None:
    """Time models from photograph to joints, in turns; write a table, JSON and a plot."""
    from .bench.command import bench as run_bench
    from .predict_command import parse_box

    table = run_bench(
        models or [DEFAULT_MODEL],
        runtimes=runtime or [],
        num_threads=threads,
        rounds=rounds,
        blazepose=blazepose,
        photo=photo,
        box=parse_box(box) if box else None,
        out=out,
        say=_say,
    )
    sys.stdout.write(table)
    _say(f"→ {out}/bench.md, .json, .svg")


def _need(package: str, extra: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise UserError(f"this verb needs {package}: pip install 'mobilehumanpose[{extra}]'")


def main() -> None:
    """Run the command; a user's mistake is one line on standard error and exit status 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names of files may hold what the terminal does not know, and so may our arrows.
            stream.reconfigure(errors="backslashreplace")
    # So that what was begun is cleared away, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        app()
    except UserError as error:
        sys.stderr.write(f"mhp: {error}\n")
        sys.exit(1)
