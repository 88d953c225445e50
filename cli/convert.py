"""masa-convert: import and export keypoints, and make new files from finished ones."""

from __future__ import annotations

import click

from masa_data.version import VERSION

from .console import CONTEXT, Group
from .convert_export import export_file
from .convert_files import compact_file, filter_file, merge_files, subsample_file
from .convert_imports import IMPORTS
from .convert_labels import join_glosses, relabel_file, split_file

_EXAMPLES = """
\b
Import keypoints:
  masa-convert mmpose predictions/ out.h5 --videos videos/          read size, rate and hash from the videos
  masa-convert mmpose a.json b.json out.h5 --size 640x360 --fps 25  or give size and rate
  masa-convert masa-pickle WLASL/keypoints/ out.h5 --videos WLASL/videos/
  masa-convert pose poses/ out.h5
  masa-convert openpose json/ out.h5 --size 640x360 --fps 25
  masa-convert pyskl annotations.pkl out.h5 --fps 25
  masa-convert npz clips.npz out.h5 --size 640x480 --fps 30
  masa-convert parquet frames.parquet out.h5

\b
Export keypoints:
  masa-convert export out.h5 poses/ --to pose
  masa-convert export out.h5 frames.parquet --to parquet

\b
Make new files from finished ones:
  masa-convert merge a.h5 b.h5 both.h5
  masa-convert filter out.h5 test.h5 --where split=test --where 'frames>=16'
  masa-convert subsample out.h5 few.h5 --per-class 5 --where split=train
  masa-convert compact out.h5 one.h5                                join shards into one file
  masa-convert compact out.h5 many.h5 --shard-clips 1000            write shards again

\b
Change labels and splits of a file:
  masa-convert relabel out.h5 --corpus wlasl --root WLASL/
  masa-convert split out.h5 --by signer
  masa-convert join-glosses both.h5 same.csv                        corpus,gloss,sign
"""


@click.group(cls=Group, context_settings=CONTEXT, epilog=_EXAMPLES)
@click.version_option(VERSION)
def main() -> None:
    """Import keypoints that other tools extracted, export keypoints, and make new files from finished ones.

    Exit code 0: all clips were converted; 3: some clips failed (they are listed, and the others are in the
    output); 2: wrong usage.
    """


for command in (
    *IMPORTS,
    export_file,
    merge_files,
    filter_file,
    subsample_file,
    compact_file,
    relabel_file,
    split_file,
    join_glosses,
):
    main.add_command(command)
