"""masa-corpus as a user runs it."""

import csv
import json
import shutil


def tree(tmp_path, shared_data):
    root = tmp_path / "WLASL"
    root.mkdir()
    shutil.copytree(shared_data / "video_wlasl3", root / "videos")
    shutil.copy(shared_data / "annotations_wlasl/nslt_100.json", root)
    return root


def test_the_check_counts_the_real_clips_and_lists_the_rest_by_address(call, tmp_path, shared_data):
    root = tree(tmp_path, shared_data)
    shutil.copy(shared_data / "annotations_wlasl/WLASL_v0.3.json", root)
    missing = tmp_path / "missing.csv"
    done = call("masa-corpus", "check", "wlasl", "--root", root, "--missing", missing, "--json", code=3)
    report = json.loads(done.stdout)
    counts = {(row["subset"], row["split"]): row for row in report["counts"]}
    assert counts["all", "train"]["annotated"] == 14_289
    assert counts["all", "train"]["found"] == 2
    assert counts["wlasl100", "test"]["missing"] == 258
    assert counts["wlasl2000", "test"]["missing"] == 2_877
    assert len(report["signers_in_several_splits"]) == 114
    assert not report["fine"]
    with missing.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 21_083 - 3
    assert rows[0]["id"] == "65225"
    assert rows[0]["url"].startswith("https://aslsignbank.haskins.yale.edu/")


def test_a_whole_tree_is_fine(call, tmp_path, shared_data):
    root = tree(tmp_path, shared_data)
    content = json.loads((root / "nslt_100.json").read_text())
    (root / "nslt_100.json").write_text(json.dumps({name: content[name] for name in ("69241", "07069")}))
    done = call("masa-corpus", "check", "wlasl", "--root", root)
    assert "Corpus complete; no problems found." in done.stdout
    assert "30173.mp4" in done.stdout  # named by no list


def test_wrong_usage_is_one_line(call, tmp_path):
    for arguments in (
        ("wlasl", "--root", tmp_path),
        ("wlasl", "--root", tmp_path / "nowhere"),
        ("slr500", "--root", tmp_path, "--annotations", tmp_path / "nowhere"),
        ("slr500", "--root", tmp_path, "--variants", tmp_path / "nowhere"),
    ):
        done = call("masa-corpus", "check", *arguments, code=2)
        assert done.stdout == ""
        assert done.stderr.startswith("masa-corpus: found no") or "variants" in done.stderr
        assert done.stderr.count("\n") == 1
