"""From sign videos to pose tracks: the 49-keypoint skeleton, the shard format and the extraction pipeline.

    summary = masa_data.extract("videos/", "out.h5")     # videos to pose tracks
    tracks = masa_data.open("out.h5")                    # a mapping from clip id to PoseTrack
    track = tracks["book/take1"]                         # (T, 49, 2) pixels and (T, 49) confidence
    track[10:20].plot().save("clip.svg")

The names in `__all__` are the public interface. Importing the package loads neither an estimator nor a video
decoder; functions that need one load it when they are called.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from masa_data.errors import (
    DamagedFileError,
    DataError,
    ExistsError,
    MismatchError,
    NoClipsError,
    NotInstalledError,
    UnknownClipError,
)
from masa_data.version import VERSION

if TYPE_CHECKING:
    from masa_data.estimators.mmpose.options import MMPoseOptions
    from masa_data.extraction.extract import extract
    from masa_data.extraction.summary import ExtractionSummary
    from masa_data.extraction.watching import ExtractionProgress
    from masa_data.formats.loading import (
        load_masa_pickle,
        load_mmpose,
        load_npz,
        load_openpose,
        load_parquet,
        load_pose,
        load_pyskl,
    )
    from masa_data.formats.saving import (
        save,
        save_masa_pickle,
        save_mmpose,
        save_npz,
        save_openpose,
        save_parquet,
        save_pose,
        save_pyskl,
    )
    from masa_data.shards.dataset import PoseDataset
    from masa_data.shards.opening import open  # noqa: A004
    from masa_data.shards.reader import PoseShards
    from masa_data.tracks.provenance import EstimatorIdentity
    from masa_data.tracks.svg import Drawing
    from masa_data.tracks.track import ClipInfo, PoseTrack

__version__ = VERSION

# Module of each name that is imported on first use.
_FOUND_IN = {
    "ClipInfo": "tracks.track",
    "Drawing": "tracks.svg",
    "EstimatorIdentity": "tracks.provenance",
    "ExtractionProgress": "extraction.watching",
    "ExtractionSummary": "extraction.summary",
    "MMPoseOptions": "estimators.mmpose.options",
    "PoseDataset": "shards.dataset",
    "PoseShards": "shards.reader",
    "PoseTrack": "tracks.track",
    "extract": "extraction.extract",
    "load_masa_pickle": "formats.loading",
    "load_mmpose": "formats.loading",
    "load_npz": "formats.loading",
    "load_openpose": "formats.loading",
    "load_parquet": "formats.loading",
    "load_pose": "formats.loading",
    "load_pyskl": "formats.loading",
    "open": "shards.opening",
    "save": "formats.saving",
    "save_masa_pickle": "formats.saving",
    "save_mmpose": "formats.saving",
    "save_npz": "formats.saving",
    "save_openpose": "formats.saving",
    "save_parquet": "formats.saving",
    "save_pose": "formats.saving",
    "save_pyskl": "formats.saving",
}

__all__ = [
    "ClipInfo",
    "DamagedFileError",
    "DataError",
    "Drawing",
    "EstimatorIdentity",
    "ExistsError",
    "ExtractionProgress",
    "ExtractionSummary",
    "MMPoseOptions",
    "MismatchError",
    "NoClipsError",
    "NotInstalledError",
    "PoseDataset",
    "PoseShards",
    "PoseTrack",
    "UnknownClipError",
    "__version__",
    "extract",
    "load_masa_pickle",
    "load_mmpose",
    "load_npz",
    "load_openpose",
    "load_parquet",
    "load_pose",
    "load_pyskl",
    "open",
    "save",
    "save_masa_pickle",
    "save_mmpose",
    "save_npz",
    "save_openpose",
    "save_parquet",
    "save_pose",
    "save_pyskl",
]


if not TYPE_CHECKING:  # otherwise every misspelled name would have the type Any

    def __getattr__(name: str) -> Any:  # noqa: ANN401  # any public object
        if name not in _FOUND_IN:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{_FOUND_IN[name]}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return __all__
