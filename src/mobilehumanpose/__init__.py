"""Real-time 3D human pose for phones, browsers and laptops, that you can also train.

This is the runtime; it needs no torch. The workshop (``models``, ``data``, ``train``,
``evaluate``, ``export``) is imported by its own names.
"""

from .errors import UserError
from .estimator import PoseEstimator
from .geometry import Camera
from .results import Pose
from .skeleton import Skeleton

__all__ = ["Camera", "Pose", "PoseEstimator", "Skeleton", "UserError", "__version__"]
__version__ = "0.1.0"
