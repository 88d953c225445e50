"""Files that pretend to be keypoints of others, for each format that is imported.

Each function fills a folder and returns, for each file that must fail, a pattern of what is to be said of it.
A file called `good` is among them and must come through.
"""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np

from masa_data.formats.pose.header import PoseHeader
from masa_data.formats.pose.points import WHOLEBODY

LONG = 1_000_000  # frames
Expected = dict[str, str]


class Code:
    """Runs a command where it is unpickled."""

    def __init__(self, ran: Path) -> None:
        self.ran = ran

    def __reduce__(self):
        return os.system, (f"touch {self.ran}",)


def special_files(folder: Path, ending: str) -> Expected:
    """A pipe, a device that never ends, a link to nothing and one that leads back."""
    os.mkfifo(folder / f"pipe{ending}")
    (folder / f"endless{ending}").symlink_to("/dev/zero")
    (folder / f"nothing{ending}").symlink_to(folder / "nowhere")
    (folder / "back").symlink_to(folder)
    told = "found a folder, pipe or device"
    return {f"pipe{ending}": told, f"endless{ending}": told, f"nothing{ending}": "No such file"}


def mmpose(folder: Path) -> Expected:
    points = [[1.5, 2.5], *([4.0 * n, 20.0 + n] for n in range(132))]
    person = {"keypoints": points, "keypoint_scores": [0.9] * 133}
    good = json.dumps([{"frame_id": number, "instances": [person]} for number in range(3)])
    files = {
        "good": good,
        "half": good[: len(good) // 2],
        "empty": "",
        "bytes": b"\xff\xfe" + bytes(100),
        "deep": "[" * 1_000_000,
        "deep_people": '[{"frame_id": 0, "instances": ' + "[" * 100_000 + "]" * 100_000 + "}]",
        "not_a_number": good.replace("0.9", "NaN"),
        "infinite": good.replace("2.5", "Infinity"),
        "beyond": good.replace("2.5", "1e400"),
        "texts": good.replace("2.5", '"2.5"'),
        "digits": good.replace("2.5", "1" * 10_000),
        "long": "[" + ",".join(f'{{"frame_id":{n},"instances":[]}}' for n in range(100_000)) + "]",
        "lists": "[" + "[]," * (30 << 20) + "0]",
        "numbers": "[" + "0.5," * (25 << 20) + "0]",
    }
    for name, content in files.items():
        path = folder / f"{name}.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with (folder / "huge.json").open("wb") as file:
        file.truncate(1 << 40)
    said = {
        "half": "expected complete JSON",
        "empty": "end of the file",
        "bytes": "no JSON",
        "deep": "no readable JSON",
        "deep_people": "no readable JSON|named values",
        "not_a_number": "the number NaN",
        "infinite": "the number Infinity",
        "beyond": "beyond a billion",
        "texts": "values that are not numbers",
        "digits": "digits",
        "long": "found 100,000 frames",
        "lists": "more than 2,000,000 lists",
        "numbers": "8,000,000 values",
        "huge": "expected at most",
    }
    return {f"{name}.json": text for name, text in said.items()} | special_files(folder, ".json")


def openpose(folder: Path) -> Expected:
    """A folder a clip, in which one frame is hostile."""
    points = [20.5, 30.5, 0.9, *(value for n in range(24) for value in (9.0 * n, 31.0, 0.9))]
    person = {
        "pose_keypoints_2d": points,
        "hand_left_keypoints_2d": points[:63],
        "hand_right_keypoints_2d": points[:63],
    }
    good = json.dumps({"people": [person]})
    frames = {
        "half": (good[:100], "expected complete JSON"),
        "empty": ("", "end of the file"),
        "deep": ("[" * 1_000_000, "no readable JSON"),
        "not_a_number": (good.replace("0.9", "NaN"), "the number NaN"),
        "infinite": (good.replace("20.5", "-Infinity"), "the number -Infinity"),
        "beyond": (good.replace("20.5", "1e400"), "values that are not numbers"),
        "texts": (good.replace("20.5", '"a"'), "values that are not numbers"),
        "lists": ('{"people": [' + "[]," * (2 << 20) + "0]}", "more than 2,000,000 lists"),
        "huge": (" " * (9 << 20), "one frame"),
    }
    for name, (content, _) in {"good": (good, ""), **frames}.items():
        (folder / name).mkdir()
        (folder / name / "a_000000000000_keypoints.json").write_text(good)
        (folder / name / "a_000000000001_keypoints.json").write_text(content)
    said = {name: text for name, (_, text) in frames.items()}
    for name, number in (("pipe", 1), ("endless", 1), ("beyond_numbers", 10**11)):
        (folder / name).mkdir()
        path = folder / name / f"a_{number:012d}_keypoints.json"
        if name == "pipe":
            os.mkfifo(path)
        elif name == "endless":
            path.symlink_to("/dev/zero")
        else:
            path.write_text(good)
    (folder / "back").symlink_to(folder)
    told = "found a folder, pipe or device"
    return said | {"pipe": told, "endless": told, "beyond_numbers": "the frame number 100,000,000,000"}


def masa_pickle(folder: Path) -> Expected:
    keypoints = np.random.default_rng(0).random((3, 133, 3)) * (640, 360, 1)
    good = {"keypoints": keypoints, "img_list": ["a"] * 3}
    nested: object = []
    for _ in range(500):
        nested = (nested,)
    contents = {
        "good": good,
        "code": good | {"more": Code(folder / "ran")},
        "objects": {"keypoints": np.array([Code(folder / "ran")], dtype=object)},
        "shape": {"keypoints": np.zeros((3, 17, 3))},
        "texts": {"keypoints": "texts"},
        "long": {"keypoints": np.zeros((100_000, 133, 3), np.int8)},
    }
    for name, content in contents.items():
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(content))
    whole = pickle.dumps(good, 2)
    raw = {
        "half": whole[: len(whole) // 2],
        "empty": b"",
        "promises": whole.replace(b"K\x03K\x85K\x03\x87", b"K\x03\x8a\x05\x00\x00\x00\x00\x7fK\x03\x87"),
        "deep": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
        "dicts": b"\x80\x02(" + b"}" * (30 << 20) + b"l.",
        "again": b"\x80\x02X\x00\x00\x10\x00" + b"a" * (1 << 20) + b"q\x00"
        + b"c_codecs\nencode\nq\x01h\x00X\x06\x00\x00\x00latin1\x86R" * 4000 + b".",
    }  # fmt: skip
    for name, content in raw.items():
        (folder / f"{name}.pkl").write_bytes(content)
    with (folder / "huge.pkl").open("wb") as file:
        file.truncate(1 << 40)
    said = {
        "code": "found '(posix|nt).system'",
        "objects": "Python objects|system",
        "shape": r"shape \(3, 17, 3\)",
        "texts": "found a dict of",
        "long": "found 100,000 frames",
        "half": "an incomplete or damaged pickle",
        "empty": "an incomplete or damaged pickle",
        "promises": "expected a size that fits the shape",
        "deep": "nested too deeply",
        "dicts": "more than 4,000,000 values",
        "again": "larger than the file",
        "huge": "expected at most",
    }
    return {f"{name}.pkl": text for name, text in said.items()} | special_files(folder, ".pkl")


def pyskl(folder: Path) -> Expected:
    def row(name="good", frames=3, people=1, **changes):
        shape = (people, frames, 49)
        points, scores = np.ones((*shape, 2), np.int8), np.ones(shape, np.int8)
        points[..., 0] = 2 * np.arange(49)
        facts = {"frame_dir": name, "label": 0, "img_shape": (360, 640), "total_frames": frames}
        return facts | {"keypoint": points, "keypoint_score": scores} | changes

    contents = {
        "good": ([row()], None),
        "code": ([row("code", x=Code(folder / "ran"))], "found '(posix|nt).system'"),
        "no_list": ({"split": {}, "annotations": 7}, "no list of annotations"),
        "points": ([row("points", keypoint=np.ones((1, 3, 17, 2)))], "have no hands"),
        "long": ([row("long", 100_000)], "found 100,000 frames"),
        "crowd": ([row("crowd", 100, 10_000)], "100 frames of 10,000 people"),
        "size": ([row("size", img_shape=(float("inf"), 640))], "the img_shape"),
    }
    for name, (content, _) in contents.items():
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(content))
    whole = (folder / "good.pkl").read_bytes()
    raw = {
        "half": (whole[:200], "an incomplete or damaged pickle"),
        "empty": (b"", "an incomplete or damaged pickle"),
    }
    for name, (content, _) in raw.items():
        (folder / f"{name}.pkl").write_bytes(content)
    said = {f"{name}.pkl": text for name, (_, text) in {**contents, **raw}.items() if text}
    return said | special_files(folder, ".pkl")


def pose(folder: Path) -> Expected:
    def header(frames=2, people=1, fps=30.0):
        return PoseHeader(64, 48, WHOLEBODY.written(), fps, frames, people).written()

    def sparse(name: str, frames: int, people: int) -> None:
        with (folder / f"{name}.pose").open("wb") as file:
            file.truncate(file.write(header(frames, people)) + frames * people * 49 * 3 * 4)

    positions = np.random.default_rng(0).random((2, 49, 2)) * (64, 48)
    numbers = positions.astype("<f4").tobytes() + np.full((2, 49), 0.5, "<f4").tobytes()
    whole = header() + numbers
    contents = {
        "good": (whole, None),
        "half": (whole[:-50], "bytes of numbers, expected"),
        "cut_header": (whole[:300], "header that ends early"),
        "empty": (b"", "header that ends early"),
        "promises": (header(2**32 - 1, 65535) + numbers, "bytes of numbers, expected"),
        "components": (whole[:10] + b"\xff\xff" + whole[12:], "found 65535 components"),
        "version": (b"abcd" + whole[4:], "found version"),
        "rate": (header(fps=float("inf")) + numbers, "at inf frames/s"),
    }
    for name, (content, _) in contents.items():
        (folder / f"{name}.pose").write_bytes(content)
    sparse("long", LONG, 1)
    sparse("crowd", 5000, 1000)
    said = {f"{name}.pose": text for name, (_, text) in contents.items() if text}
    said |= {"long.pose": "found 1,000,000 frames", "crowd.pose": "5,000 frames of 1,000 people"}
    return said | special_files(folder, ".pose")
