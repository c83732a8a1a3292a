"""The apps' code in three languages, each on numbers that the package itself gives."""

import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

MOBILE = Path(__file__).parents[1] / "examples" / "mobile"
GOLDEN = MOBILE / "golden.json"
#: Android's own JSON classes, for a JVM that has none: Debian's libandroid-json-java.
ORG_JSON = Path(os.environ.get("MHP_ORG_JSON", "/usr/share/java/com.android.json.jar"))


@pytest.fixture(scope="module")
def make_golden() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_golden", MOBILE / "make_golden.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_same(found: object, kept: object, where: str) -> None:
    """The same structure, and numbers within rounding of each other."""
    if isinstance(kept, dict):
        assert found.keys() == kept.keys(), where
        for key, value in kept.items():
            assert_same(found[key], value, f"{where}.{key}")
    elif isinstance(kept, list):
        assert len(found) == len(kept), where
        for i, value in enumerate(kept):
            assert_same(found[i], value, f"{where}[{i}]")
    elif isinstance(kept, float):
        assert found == pytest.approx(kept, rel=1e-5, abs=1e-5), where
    elif where.endswith(".crop"):  # bytes of a picture: versions of OpenCV round differently
        off = np.subtract(
            np.frombuffer(bytes.fromhex(found), np.uint8).astype(int),
            np.frombuffer(bytes.fromhex(kept), np.uint8),
        )
        assert np.abs(off).max() <= 2, where
    else:
        assert found == kept, where


def test_the_kept_numbers_are_the_packages(make_golden):
    made = json.loads(json.dumps(make_golden.golden()))
    assert_same(made, json.loads(GOLDEN.read_text()), "golden")


def test_kept_numbers_that_differ_are_noticed(make_golden):
    kept = json.loads(GOLDEN.read_text())
    kept["placements"][0]["keypoints_mm"][3][2] += 0.1
    with pytest.raises(AssertionError, match="keypoints_mm"):
        assert_same(json.loads(json.dumps(make_golden.golden())), kept, "golden")


def run(*command: object, cwd: Path) -> str:
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=1200
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_typescript():
    folder = MOBILE / "typescript"
    compiler = folder / "node_modules" / "typescript" / "bin" / "tsc"
    if not (shutil.which("node") and compiler.is_file()):
        pytest.skip("no node, or no compiler: npm ci --prefix examples/mobile/typescript")
    run("node", compiler, cwd=folder)
    output = run("node", "--test", "test/", cwd=folder)
    assert "fail 0" in output
    assert "pass 33" in output


def test_kotlin(tmp_path):
    if not (shutil.which("kotlinc") and ORG_JSON.is_file()):
        pytest.skip(f"no kotlinc, or no {ORG_JSON}")
    sources = [*MOBILE.glob("kotlin/src/*.kt"), *MOBILE.glob("kotlin/test/*.kt")]
    jar = tmp_path / "golden.jar"
    run("kotlinc", "-classpath", ORG_JSON, *sources, "-include-runtime", "-d", jar, cwd=tmp_path)
    classpath = f"{jar}{os.pathsep}{ORG_JSON}"
    assert "6 passed, 0 failed" in run("java", "-cp", classpath, "GoldenTestKt", GOLDEN, cwd=MOBILE)


def test_swift(tmp_path):
    if not shutil.which("swiftc"):
        pytest.skip("no swiftc")
    sources = [*MOBILE.glob("swift/src/*.swift"), *MOBILE.glob("swift/test/*.swift")]
    run("swiftc", "-O", *sources, "-o", tmp_path / "golden", cwd=tmp_path)
    assert "6 passed, 0 failed" in run(tmp_path / "golden", GOLDEN, cwd=MOBILE)
