"""MMPose's models that can be used, by MMPose's own names, and the addresses of their weights.

Names, configurations and addresses are read from MMPose's wheel and not repeated here.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from masa_data.errors import DataError, NotInstalledError
from masa_data.estimators.base import INSTALL_MMPOSE
from masa_data.machine.extras import folder_of

# Short names for the paper's model, for a much faster one, and for the fastest one. Their whole-body AP on
# COCO-WholeBody, as published by MMPose: 66.1 (hands 60.2), 70.1 (66.3), 58.2 (47.5).
PRESETS: Final = {
    "accurate": "td-hm_hrnet-w48_dark-8xb32-210e_coco-wholebody-384x288",
    "balanced": "rtmw-l_8xb320-270e_cocktail14-384x288",
    "fast": "rtmpose-m_8xb64-270e_coco-wholebody-256x192",
}
DEFAULT_MODEL: Final = PRESETS["accurate"]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The entry of one model in MMPose's wheel.

    Attributes:
        name: name of its configuration.
        config: path of the configuration file.
        weights: address of its published weights; None = not published.
    """

    name: str
    config: Path
    weights: str | None


def find_model(name: str) -> ModelCard:
    """Find a model by one of PRESETS or by the exact name of its configuration.

    Raises:
        DataError: if there is no such COCO-WholeBody model, or MMPose is not installed.
    """
    configs = _configs()
    full_name = PRESETS.get(name, name)
    if full_name not in configs:
        near = get_close_matches(full_name, [*configs, *PRESETS], n=3, cutoff=0)
        raise DataError(
            f"MMPose has no whole-body model {name!r}",
            f"Nearest: {', '.join(near)}; or choose one of {', '.join(PRESETS)}",
        )
    config = configs[full_name]
    return ModelCard(full_name, config, _published_weights(config))


def _configs() -> dict[str, Path]:
    """Return configuration files by name, without those for DWPose's training (its weights fit RTMPose's)."""
    paths = sorted(_folder().rglob("*.py"))
    return {path.stem: path for path in paths if "dwpose" not in path.parts}


def _published_weights(config: Path) -> str | None:
    """Return the address in the metafile next to the configuration."""
    import yaml

    for metafile in sorted(config.parent.glob("*.yml")):
        for model in yaml.safe_load(metafile.read_text(encoding="utf-8")).get("Models", ()):
            if Path(model["Config"]).name == config.name:
                weights = model.get("Weights")
                return str(weights) if weights else None
    return None


def _folder() -> Path:
    """Return the folder of whole-body configurations in MMPose's wheel, without importing MMPose."""
    package = folder_of("mmpose")
    if package is None:
        raise NotInstalledError("MMPose is not installed", f"Run {INSTALL_MMPOSE}")
    folder = package / ".mim" / "configs" / "wholebody_2d_keypoint"
    if not folder.is_dir():
        raise DataError(f"MMPose is incompletely installed: {folder} is missing", f"Run {INSTALL_MMPOSE}")
    return folder
