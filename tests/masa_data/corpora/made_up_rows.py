"""Rows of the form that the corpora's lists have."""

import json


def instance(video_id, split="train", first=1, last=-1, url="", signer=7, bbox=(8, 4, 40, 44)):
    return {
        "video_id": video_id,
        "split": split,
        "signer_id": signer,
        "frame_start": first,
        "frame_end": last,
        "fps": 25,
        "bbox": list(bbox),
        "url": url,
        "source": "made up",
        "instance_id": 0,
        "variation_id": 0,
    }


def sample(url, label, start, end, text="word", **more):
    return {
        "url": url,
        "start_time": start,
        "end_time": end,
        "start": 0,
        "end": 0,
        "label": label,
        "text": text,
        "signer_id": 3,
        "box": [0.0, 0.25, 1.0, 0.75],
        "fps": 30.0,
        "width": 640.0,
        "height": 480.0,
        **more,
    }


def dump(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
