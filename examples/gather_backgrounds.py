"""Fill a folder with pictures and panoramas for ``mhp data synth --backgrounds``.

    python examples/gather_backgrounds.py FOLDER

180 pictures from Debian's packages, shrunk to 1,024 px, and 18 panoramas from npm's
``@pmndrs/assets``; their licences are in ``docs/synthetic-data.md``. Needs Debian or one of its
relatives (``apt-get``, ``dpkg-deb``) with 1.5 GB free for what is downloaded, and ``npm``. With the
packages of Debian 12 these are the backgrounds of ``lpski-lite0-half-wild``'s synthetic people, but
for the last decimal of how two dozen of them are shrunk.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mobilehumanpose.synth.backgrounds import MAX_PICTURE_PX, shrunk

Picture = NDArray[np.uint8]

WALLPAPERS = (
    "plasma-workspace-wallpapers",
    "gnome-backgrounds",
    "mate-backgrounds",
    "lomiri-wallpapers-20.04",
    "lomiri-wallpapers-16.04",
    "ukui-wallpapers",
)
LANDSCAPES = "stellarium-data"
TEXTURES = "supertuxkart-data"
PANORAMAS = "@pmndrs/assets@1.7.0"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
#: Smaller files are icons and previews.
MIN_WALLPAPER_BYTES = 60_000
MIN_TEXTURE_BYTES = 150_000
MIN_LANDSCAPE_PX = 300
#: Flatter pictures say nothing of where somebody ends.
MIN_DEVIATION = 12


def main() -> None:
    """Fill the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        sys.exit(f"{folder}: is there already; give an empty folder or a new one")
    for tool in ("apt-get", "dpkg-deb", "npm", "tar"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool}: not found; this script needs Debian's tools and npm")
    with tempfile.TemporaryDirectory() as scratch:
        made = gather(Path(scratch))
        # Only now, so that a download that fails leaves nothing half-made.
        try:
            shutil.copytree(made, folder, dirs_exist_ok=True)
        except OSError as error:
            sys.exit(f"{folder}: cannot be written: {error}")
    for kind in ("pictures", "panoramas"):
        print(f"{folder / kind}: {len(list((folder / kind).iterdir()))} files")


def gather(scratch: Path) -> Path:
    """Download, choose and shrink; the folder in ``scratch`` that holds what came of it."""
    made = scratch / "made"
    pictures, panoramas = made / "pictures", made / "panoramas"
    for kind in (pictures, panoramas):
        kind.mkdir(parents=True)
    for package in WALLPAPERS:
        for name, picture in wallpapers(package, unpack_debian(package, scratch)):
            save(pictures / f"{package.split('-')[0]}-{name}.jpg", picture)
    for name, picture in landscapes(unpack_debian(LANDSCAPES, scratch)):
        save(pictures / f"stellarium-{name}.jpg", picture)
    for name, picture in textures(unpack_debian(TEXTURES, scratch)):
        save(pictures / f"supertuxkart-{name}.jpg", picture)
    for path in unpack_npm(PANORAMAS, scratch).glob("hdri/*.exr.js"):
        shutil.copy(path, panoramas)
    return made


def wallpapers(package: str, unpacked: Path) -> list[tuple[str, Picture]]:
    """The largest form of each wallpaper but those with a child, or with hardly anything."""
    largest: dict[str, Path] = {}
    for path in sorted(unpacked.rglob("*")):
        is_picture = path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink()
        if not is_picture or path.stat().st_size < MIN_WALLPAPER_BYTES:
            continue
        if "screenshot" in path.name or (package.startswith("plasma") and "Autumn" in str(path)):
            continue
        # Plasma's wallpapers are folders, with one file for each size of screen.
        name = path.parents[2].name if package.startswith("plasma") else path.name
        if name not in largest or path.stat().st_size > largest[name].stat().st_size:
            largest[name] = path
    found = []
    for name, path in largest.items():
        picture = cv2.imread(str(path))
        if picture is not None and not is_plain(picture):
            found.append((name.replace(" ", "_").split(".")[0], picture))
    return found


def landscapes(unpacked: Path) -> list[tuple[str, Picture]]:
    """Photographs of horizons on earth, with an evening's sky where they are cut out."""
    found = []
    for path in sorted((unpacked / "usr/share/stellarium/landscapes").rglob("*.png")):
        if path.parent.name in ("moon", "mars"):
            continue
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if picture is None or picture.ndim < 3 or min(picture.shape[:2]) < MIN_LANDSCAPE_PX:
            continue
        if picture.shape[2] == 4:
            brightness = np.linspace(200, 235, len(picture))[:, None, None]
            sky = np.clip(brightness * np.array([1.05, 0.95, 0.85]), 0, 255)
            opaque = picture[..., 3:] / 255
            picture = (picture[..., :3] * opaque + sky * (1 - opaque)).astype(np.uint8)
        if not is_plain(picture):
            found.append((path.stem, picture))
    return found


def textures(unpacked: Path) -> list[tuple[str, Picture]]:
    """Walls, ground and leaves; no maps of normals, which are blue, and no title pages."""
    found = []
    for path in sorted(unpacked.rglob("*.jpg")):
        words = ("screenshot", "logo", "start")
        if path.stat().st_size < MIN_TEXTURE_BYTES or any(w in path.name.lower() for w in words):
            continue
        picture = cv2.imread(str(path))
        if picture is None:
            continue
        blue, _, red = picture.mean(axis=(0, 1))
        is_normals = blue > 190 and abs(red - 128) < 25
        if not is_normals and picture.std() >= MIN_DEVIATION:
            found.append((path.stem, picture))
    return found


def is_plain(picture: Picture) -> bool:
    """Whether it is of nearly one colour, or mostly white or black."""
    white, black = (picture > 245).all(axis=2).mean(), (picture < 12).all(axis=2).mean()
    return bool(picture.std() < MIN_DEVIATION or white > 0.45 or black > 0.6)


def save(path: Path, picture: Picture) -> None:
    """Write it as JPEG, no larger than it will be looked at."""
    jpeg = cv2.imencode(".jpg", shrunk(picture, MAX_PICTURE_PX), [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
    path.write_bytes(jpeg.tobytes())


def unpack_debian(package: str, scratch: Path) -> Path:
    """Download a Debian package; the folder that it is unpacked to."""
    run("apt-get", "download", package, folder=scratch)
    (archive,) = scratch.glob(f"{package}_*.deb")
    run("dpkg-deb", "-x", str(archive), str(scratch / package), folder=scratch)
    return scratch / package


def unpack_npm(package: str, scratch: Path) -> Path:
    """Download an npm package; the folder that it is unpacked to."""
    run("npm", "pack", package, folder=scratch)
    (archive,) = scratch.glob("*.tgz")
    run("tar", "-xzf", str(archive), folder=scratch)
    return scratch / "package"


def run(*command: str, folder: Path) -> None:
    """Run a command in ``folder``, and stop with what it said if it fails."""
    done = subprocess.run(  # noqa: S603
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")


if __name__ == "__main__":
    main()
