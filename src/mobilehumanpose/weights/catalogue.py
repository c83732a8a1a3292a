"""What there is: every network preset, its size and work, and the weights that ship for it.

The facts lie in ``networks.json`` and beside each model file, so that they can be told without
torch. ``python -m mobilehumanpose.models.facts`` writes ``networks.json``; a test holds it against
the networks.
"""

from __future__ import annotations

import json
from typing import Any

from . import FOLDER, bundled_models, model_path

NETWORKS_FILE = FOLDER / "networks.json"


def preset_names() -> list[str]:
    """Names of the presets."""
    return [entry["preset"] for entry in json.loads(NETWORKS_FILE.read_text(encoding="utf-8"))]


def catalogue() -> list[dict[str, Any]]:
    """One entry for each preset: numbers from ``networks.json``, and a list of ``weights``."""
    networks = json.loads(NETWORKS_FILE.read_text(encoding="utf-8"))
    shipped: dict[str, list[dict[str, Any]]] = {}
    for name in bundled_models():
        path = model_path(name)
        facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        entry = {"name": name, "bytes": path.stat().st_size, **facts}
        shipped.setdefault(facts["preset"], []).append(entry)
    return [{**network, "weights": shipped.get(network["preset"], [])} for network in networks]
