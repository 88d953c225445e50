"""masa-convert export: write the clips of a file in the format of another project."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from masa_data.formats.export import (
    FILE_FORMATS,
    FOLDER_FORMATS,
    FileFormat,
    FolderFormat,
    export,
)
from masa_data.shards.reader import PoseShards
from masa_data.texts import counted

from .console import EXIT_SOME_FAILED, as_option, clips_bar, errors_in_one_line, make_console

_SHOWN: Final = 10
# Which other software reads each format.
_NEXT: Final = {
    "pose": "read each file with pose-format's Pose.read",
    "openpose": "read each clip's folder with pose-format's load_openpose_directory",
    "mmpose": "the files have the format that MMPoseInferencer(…, pred_out_dir=…) writes",
    "masa-pickle": "read each file with the released MASA code",
    "pyskl": "set it as ann_file in a config of pyskl or MMAction2",
    "npz": "read it with numpy.load",
    "parquet": "read it with pandas.read_parquet",
}


@click.command("export")
@click.argument("file", metavar="IN.h5", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--to", required=True, type=click.Choice([*FOLDER_FORMATS, *FILE_FORMATS]), help="The format to write."
)
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is a file.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def export_file(file: Path, out: Path, to: FolderFormat | FileFormat, overwrite: bool, quiet: bool) -> None:
    """Write the clips of a file in the format of another project.

    With pose, openpose, mmpose and masa-pickle, OUT is a folder with one file or folder per clip and a list,
    clips.csv. With pyskl, npz and parquet, OUT is one file. The command prints what the format cannot store.
    """
    console = make_console(quiet=quiet)
    with errors_in_one_line("masa-convert"), PoseShards.open(file) as tracks:
        with clips_bar(console) as bar:
            task = bar.add_task("", total=len(tracks))
            done = export(tracks, to, out, overwrite=overwrite, clip_done=lambda: bar.advance(task))
        clips, frames = counted(done.clips, "clip"), counted(done.frames, "frame")
        console.print(f"{clips}, {frames} exported; {len(done.problems):,} failed")
        for problem in done.problems[:_SHOWN]:
            console.print(
                f"failed: {problem.clip!r}: {problem.reason_in(as_option)}. {problem.advice_in(as_option)}."
            )
        if len(done.problems) > _SHOWN:
            console.print(f"and {len(done.problems) - _SHOWN:,} more")
        console.print(f"not in this format: {done.lost[0]}")
        for line in done.lost[1:]:
            console.print(f"note: {line}")
        console.print(f"Wrote {out}. Next: {_NEXT[to]}")
    sys.exit(EXIT_SOME_FAILED if done.problems else 0)
