"""Bodies to pose: one of boxes, and the real one where it has been built before."""

import numpy as np
import pytest
from tiny_body import tiny_arrays

from mobilehumanpose.errors import UserError
from mobilehumanpose.synth.body import Body, cache_folder
from mobilehumanpose.synth.rotations import from_vectors


@pytest.fixture(scope="session")
def tiny_body() -> Body:
    return Body(tiny_arrays())


@pytest.fixture(scope="session")
def real_body() -> Body:
    """The body model; building it takes minutes, so a test never does."""
    if not list(cache_folder().glob("body-*.npz")):
        pytest.skip("no body model in the cache: Body.load() builds it")
    return Body.load()


@pytest.fixture
def random_pose():
    """Turns of all of a body's bones by up to about a radian, the same for each seed."""

    def make(body: Body, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return from_vectors(rng.normal(0, 0.5, (len(body.bone_names), 3))).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def renderer():
    """An OpenGL context without a screen; skips where there is none."""
    pytest.importorskip("moderngl")
    from mobilehumanpose.synth.backgrounds import Backgrounds
    from mobilehumanpose.synth.engine import TextureLoader
    from mobilehumanpose.synth.render import Renderer

    try:
        return Renderer(TextureLoader(None, Backgrounds(None)))
    except UserError as error:
        pytest.skip(str(error))
