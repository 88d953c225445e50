"""What the recorder writes, and that no picture can end a run."""

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from masa_data.errors import DataError
from masa_model.pictures import recorder as recording
from masa_model.pictures.curves import finetuning_curves, pretraining_curves
from masa_model.pictures.recorder import Recorder
from masa_model.pictures.style import captions, pdf_of, style
from masa_model.training.run_folder import RunFolder


def tensorboard(folder):
    found = EventAccumulator(str(folder.path / "tensorboard"), {"images": 0, "scalars": 0})
    found.Reload()
    return found


@pytest.fixture
def folder(tmp_path):
    return RunFolder.create("pretrain", tmp_path / "run")


def a_picture():
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().plot([1, 3, 2])
    return figure


def test_a_picture_is_in_the_folder_and_in_tensorboard(folder):
    with Recorder(folder) as recorder:
        assert recorder.picture("masks.png", a_picture, 7) is None
        first = (folder.path / "masks.png").read_bytes()
        assert recorder.picture("masks.png", a_picture, 9) is None
    assert (folder.path / "masks.png").read_bytes() == first
    assert (folder.path / "masks.pdf").read_bytes().startswith(b"%PDF")
    images = tensorboard(folder).Images("masks")
    assert [image.step for image in images] == [7, 9]
    shown = cv2.imdecode(np.frombuffer(images[0].encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(shown, cv2.imread(str(folder.path / "masks.png")))


def test_a_picture_for_papers_has_fonts_that_publishers_accept_and_equal_bytes():
    def drawn():
        with style():
            figure = a_picture()
            figure.axes[0].set_title("motion loss $L_m$")
            return pdf_of(figure)

    pdf = drawn()
    assert pdf == drawn()
    assert b"/Subtype /Type3" not in pdf
    assert b"/FontFile2" in pdf  # an embedded TrueType font
    assert b"CreationDate" not in pdf


def test_glosses_in_any_script_and_with_dollars_can_be_drawn(folder):
    def named():
        figure = a_picture()
        figure.axes[0].set_title("".join(captions(["你好", "5$ and 6$"])[0]))
        return figure

    with Recorder(folder) as recorder:
        assert recorder.picture("features.png", named, 1) is None


def test_pictures_that_fail_are_lines(folder):
    def nothing():
        raise DataError("no clip has a gloss", "Give labels")

    with Recorder(folder) as recorder:
        said = recorder.picture("features.png", nothing, 1)
        assert said == "features.png is left out: no clip has a gloss. Give labels."
        said = recorder.picture("motion.png", lambda: 1 / 0, 1)
        assert said == "motion.png could not be drawn: ZeroDivisionError: division by zero"
    assert sorted(path.name for path in folder.path.iterdir()) == ["checkpoints", "tensorboard"]
    with Recorder(folder, enabled=False) as recorder:
        assert recorder.picture("masks.png", a_picture, 1) is None
    assert not (folder.path / "masks.png").exists()


def record(epoch, **more):
    return {"epoch": epoch, "step": 10 * epoch, "loss": 1.0 / (epoch + 1), **more}


def test_curves_are_drawn_now_and_then_and_at_the_end(folder, monkeypatch):
    drawn = []

    def curves(lines):
        drawn.append(len(lines))
        return a_picture()

    with Recorder(folder, curves) as recorder:
        for epoch in range(5):
            folder.append_metrics(record(epoch))
            recorder.add(record(epoch))
        assert drawn == [1]
        monkeypatch.setattr(recording, "_SECONDS_BETWEEN_CURVES", 0.0)
        recorder.add(record(5))
        assert drawn == [1, 5]
    assert drawn == [1, 5, 5]
    with Recorder(folder, lambda lines: 1 / 0) as recorder:
        recorder.add(record(6))


def test_curves_show_the_records():
    lines = [record(n, accuracy=n / 10, learning_rate=0.1, best_epoch=1) for n in range(4)]
    lines[1] |= {"val_accuracy": 0.5, "val_loss": 2.0}
    lines[3] |= {"val_accuracy": 0.25, "val_loss": 3.0}
    loss, right, _ = finetuning_curves(lines).axes
    assert loss.get_lines()[0].get_xydata().tolist() == [[1, 1], [2, 0.5], [3, 1 / 3], [4, 0.25]]
    assert right.get_lines()[1].get_xydata().tolist() == [[2, 50], [4, 25]]
    assert right.get_lines()[2].get_xdata() == [2, 2]  # the second epoch was the best
    motion = [{"epoch": 0, "motion_loss": 0.3, "val_linear_all": 0.5}]
    panels = pretraining_curves(motion).axes
    assert panels[0].get_lines()[0].get_xydata().tolist() == [[1, 0.3]]
    assert panels[4].get_lines()[0].get_xydata().tolist() == [[1, 50]]


def test_captions():
    assert captions(["a/b:tea", "a/b:book", "a/b:to go"]) == (["tea", "book", "to go"], "a/b:")
    assert captions(["a/b:tea", "a/c:tea"]) == (["b:tea", "c:tea"], "a/")
    assert captions(["tea", "a:tea"]) == (["tea", "a:tea"], "")
    assert captions(["a:tea"]) == (["a:tea"], "")
    [long, dollar], _ = captions(["x" * 30 + "end", "$5"])
    assert (len(long), long[0], long[-3:], dollar) == (22, "…", "end", r"\$5")
