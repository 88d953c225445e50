"""Sign videos in, pose tracks out: the 49-keypoint skeleton, the shard format and the extraction pipeline."""

from masa_data.errors import DataError
from masa_data.shards.dataset import PoseDataset
from masa_data.shards.reader import PoseShards
from masa_data.tracks.track import ClipInfo, PoseTrack
from masa_data.version import VERSION

__version__ = VERSION

__all__ = ["ClipInfo", "DataError", "PoseDataset", "PoseShards", "PoseTrack", "__version__"]
