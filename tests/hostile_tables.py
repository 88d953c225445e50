"""Files of many clips that pretend to be npz or Parquet; as in `hostile_files`."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from tests.hostile_files import LONG, Code, Expected, special_files


def npz(folder: Path) -> Expected:
    good = {
        "kp49": np.random.default_rng(0).random((3, 49, 3), np.float32),
        "offsets": np.array([0, 3]),
        "label": np.array(["me:tea"]),
    }

    def npy(shape, dtype, content: bytes = b"") -> bytes:
        file = io.BytesIO()
        facts = {"descr": dtype, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, facts)
        return file.getvalue() + content

    def zeros(name: str, **columns: tuple[tuple[int, ...], str]) -> None:
        """Arrays of nothing, packed a thousandfold, beside the good ones."""
        with zipfile.ZipFile(folder / f"{name}.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            for column, values in good.items():
                if column not in columns:
                    content = io.BytesIO()
                    np.lib.format.write_array(content, values)
                    file.writestr(f"{column}.npy", content.getvalue())
            for column, (shape, dtype) in columns.items():
                with file.open(f"{column}.npy", "w") as stream:
                    stream.write(npy(shape, dtype))
                    for _ in range(int(np.prod(shape)) * np.dtype(dtype).itemsize // 4096):
                        stream.write(bytes(4096))
                    stream.write(bytes(int(np.prod(shape)) * np.dtype(dtype).itemsize % 4096))

    np.savez_compressed(folder / "good.npz", **good)
    whole = (folder / "good.npz").read_bytes()
    code = np.array([Code(folder / "ran")], dtype=object)
    np.savez(folder / "code.npz", **good | {"label": code}, allow_pickle=True)
    np.savez(folder / "types.npz", **good | {"kp49": np.full((3, 49, 3), "a")})
    np.savez(folder / "path.npz", **{"../kp49": good["kp49"], "/offsets": good["offsets"]})
    np.savez(folder / "long.npz", **good | {"kp49": np.zeros((60_000, 49, 3), "f2"), "offsets": [0, 60_000]})
    (folder / "half.npz").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.npz").write_bytes(b"")
    for name, header in (
        ("promises", npy((10**15, 49, 3), "<f4")),
        ("header", b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535),
        ("deep", b"\x93NUMPY\x01\x00\x00\x20" + b"(" * 8192),
    ):
        with zipfile.ZipFile(folder / f"{name}.npz", "w") as file:
            file.writestr("kp49.npy", header)
    zeros("bomb", kp49=((LONG, 49, 3), "<f2"), offsets=((2,), "<i8"))
    zeros("text_bomb", label=((1,), f"<U{100 << 20}"))
    zeros("offset_bomb", offsets=((50 << 20,), "<i8"))
    said = {
        "code": "type object",
        "types": "type <U1",
        "path": "no `kp49`",
        "long": "found 60,000 frames",
        "half": "no npz file",
        "empty": "no npz file",
        "promises": "expected a size that fits the shape",
        "header": "damaged npz file",
        "deep": "damaged npz file",
        "bomb": "compressed to",
        "text_bomb": "bytes each, expected one text",
        "offset_bomb": "found 52,428,800 offsets",
    }
    said = {f"{name}.npz": text for name, text in said.items()}
    return said | dict.fromkeys(special_files(folder, ".npz"), "does not exist")


def parquet(folder: Path) -> Expected:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from masa_data.formats.parquet.table import POINT_COLUMNS

    def table(rows=3, **changes):
        columns = {
            "id": pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["good"])),
            "gloss": pa.array(["tea"] * rows),
            "width": pa.array([640] * rows),
            "height": pa.array([360] * rows),
            "frame_index": pa.array(range(rows)),
            **{
                name: pa.array(np.full(rows, 0.5 if name.endswith("confidence") else place, np.float32))
                for place, name in enumerate(POINT_COLUMNS)
            },
        }
        return pa.table({name: col for name, col in (columns | changes).items() if col is not None})

    tables = {
        "good": (table(), None),
        "schema": (pa.table({"hello": [1]}), "found no column id"),
        "nested": (table(id=pa.array([["a"]] * 3)), "in the column id, expected texts"),
        "structs": (table(nose_x=pa.array([{"a": 1}] * 3)), "in the column nose_x, expected numbers"),
        "numbers": (table(nose_x=pa.array(["a"] * 3)), "in the column nose_x, expected numbers"),
        "index": (table(frame_index=pa.array([0, np.inf, 2])), "not integers"),
        "sure": (table(nose_confidence=pa.array([7.0] * 3)), "confidence spans"),
        "long": (table(60_000), "found 6[0-9],[0-9]+ frames|found [56][0-9],[0-9]+ frames"),
        "text_bomb": (table(gloss=pa.array(["a" * (60 << 20)] * 3)), "characters in the column gloss"),
        "bomb": (table(200_000), "compressed to"),
    }
    for name, (content, _) in tables.items():
        if name == "long":  # not so alike that it would be a bomb
            noise = np.random.default_rng(0).random(60_000).astype(np.float32)
            content = content.set_column(content.schema.get_field_index("nose_x"), "nose_x", pa.array(noise))
        pq.write_table(content, folder / f"{name}.parquet", compression="zstd")
    whole = (folder / "good.parquet").read_bytes()
    raw = {
        "half": (whole[: len(whole) // 2], "no Parquet file"),
        "empty": (b"", "no Parquet file"),
        "footer": (b"PAR1" + b"\xff\xff\xff\x7fPAR1", "no Parquet file"),
        "zeros": (b"PAR1" + bytes(1 << 20) + (1 << 20).to_bytes(4, "little") + b"PAR1", "no Parquet file"),
    }
    for name, (content, _) in raw.items():
        (folder / f"{name}.parquet").write_bytes(content)
    said = {f"{name}.parquet": text for name, (_, text) in {**tables, **raw}.items() if text}
    return said | dict.fromkeys(special_files(folder, ".parquet"), "does not exist")
