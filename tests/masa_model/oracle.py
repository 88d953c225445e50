"""The method once more: one clip, one frame, one joint at a time, in plain NumPy, straight from the paper."""

import math
from dataclasses import dataclass

import numpy as np

PART_OF_JOINT = [0] * 7 + [1] * 21 + [2] * 21
ARMS = {1: (1, 2, 3), 2: (4, 5, 6)}


@dataclass
class OracleClip:
    """coordinates (T, 49, 2), confidence (T, 49), hand_present (T, 2), and which frames were kept."""

    coordinates: np.ndarray
    confidence: np.ndarray
    hand_present: np.ndarray
    kept: list[int]


def hand_box(keypoints, confidence, hand, width, height):
    """Center and side, or None, for one frame (49, 2)."""
    joints = range(7, 28) if hand == 1 else range(28, 49)
    sure = [joint for joint in joints if confidence[joint] > 0.1]
    shoulder, elbow, wrist = ARMS[hand]
    if len(sure) >= 10:
        points = keypoints[sure]
        low, high = points.min(0), points.max(0)
        center, side = (low + high) / 2, 2.2 * max(high - low)
    elif min(confidence[shoulder], confidence[elbow], confidence[wrist]) >= 0.8:
        forearm = math.dist(keypoints[wrist], keypoints[elbow])
        upper_arm = math.dist(keypoints[elbow], keypoints[shoulder])
        center = keypoints[wrist] + 0.33 * (keypoints[wrist] - keypoints[elbow])
        side = 1.1 * max(forearm, 0.9 * upper_arm)
    else:
        return None
    side = max(side, 0.2)
    shifted = []
    for value, size in zip(center, (width, height), strict=True):
        margin = min(side / 2, size / 2)
        shifted.append(min(max(value, margin), size - margin))
    return np.array(shifted), side


def prepare(keypoints, confidence, width, height, crop_reference="frame", max_frames=150):
    """One clip: keypoints (T, 49, 2) in 1/256 of the longer side."""
    frames = len(keypoints)
    boxes = [
        {hand: hand_box(keypoints[t], confidence[t], hand, width, height) for hand in (1, 2)}
        for t in range(frames)
    ]
    kept = [t for t in range(frames) if boxes[t][1] or boxes[t][2]] or list(range(frames))
    kept = kept[:: math.ceil(len(kept) / max_frames)]
    if crop_reference == "clip":
        for hand in (1, 2):
            found = [boxes[t][hand] for t in kept if boxes[t][hand]]
            if found:
                # torch's median of an even number is the lower one
                rows = np.sort(np.array([[*center, side] for center, side in found]), axis=0)
                middle = rows[(len(rows) - 1) // 2]
                for t in kept:
                    if boxes[t][hand]:
                        boxes[t][hand] = (middle[:2], middle[2])
    out = OracleClip(
        np.zeros((len(kept), 49, 2)), np.zeros((len(kept), 49)), np.zeros((len(kept), 2), bool), kept
    )
    for place, t in enumerate(kept):
        for joint in range(49):
            part = PART_OF_JOINT[joint]
            r = confidence[t, joint]
            if part == 0:
                position = keypoints[t, joint] - np.array([width, height]) / 2
            else:
                if boxes[t][part] is None:
                    continue
                center, side = boxes[t][part]
                position = (keypoints[t, joint] - center) * 256 / side
                if part == 1:
                    position = position * np.array([-1, 1])
                if r > 0:
                    out.hand_present[place, part - 1] = True
            if r > 0:
                out.coordinates[place, joint] = position
                out.confidence[place, joint] = r
    return out


def residuals(x, k):
    """m_i = x_{i+k} − x_i for i < T − k, else 0."""
    m = np.zeros_like(x)
    for i in range(len(x) - k):
        m[i] = x[i + k] - x[i]
    return m


def pairs(r, k, threshold):
    """c_i c_{i+k}; 0 for i ≥ T − k."""
    c = np.where(r >= threshold, r, 0)
    out = np.zeros_like(c)
    for i in range(len(c) - k):
        out[i] = c[i] * c[i + k]
    return out


def candidates(x, r, k, eps_c, eps_m, delta, magnitude="displacement", denominator="visible", joints=None):
    """Alg. 1, lines 1–8: the list S."""
    joints = range(49) if joints is None else joints
    m, weight = residuals(x, k), pairs(r, k, eps_c)
    found = []
    for i in range(len(x) - k):
        moving = total = 0
        for joint in joints:
            entries = [math.hypot(*m[i, joint])] if magnitude == "displacement" else list(np.abs(m[i, joint]))
            for entry in entries:
                seen = weight[i, joint] > 0
                total += seen or denominator == "all"
                moving += seen and entry * weight[i, joint] >= eps_m
        if total > 0 and moving >= delta * total:
            found.append(i)
    return found


def moving_part_candidates(
    x, r, k, eps_c, eps_m, delta, magnitude="displacement", denominator="visible", parts=(0, 1, 2)
):
    """Frames in which, in any of the parts, δ of the keypoints seen surely in both frames move by ε_m."""
    found = []
    for i in range(len(x) - k):
        for part in parts:
            moving = total = 0
            for joint in range(49):
                if PART_OF_JOINT[joint] != part:
                    continue
                seen = (
                    r[i, joint] >= eps_c
                    and r[i + k, joint] >= eps_c
                    and min(r[i, joint], r[i + k, joint]) > 0
                )
                dx, dy = x[i + k, joint] - x[i, joint]
                for entry in [math.hypot(dx, dy)] if magnitude == "displacement" else [abs(dx), abs(dy)]:
                    total += seen or denominator == "all"
                    moving += seen and entry >= eps_m
            if total > 0 and moving >= delta * total:
                found.append(i)
                break
    return found


def released_candidates(x, r, k, eps_m, parts=(0, 1, 2)):
    """The authors' code: frames in which, in any of the parts, two coordinates grow by more than ε_m."""
    found = []
    for i in range(len(x) - k):
        for part in parts:
            growing = 0
            for joint in range(49):
                if PART_OF_JOINT[joint] == part and r[i, joint] > 0 and r[i + k, joint] > 0:
                    for axis in (0, 1):
                        growing += x[i + k, joint, axis] - x[i, joint, axis] > eps_m
            if growing > 1:
                found.append(i)
                break
    return found


def motion_loss(predicted, target, weight, frames, kind="l2", reduction="mean"):
    """Eq. 4 over a list of (clip, frame): predicted, target (T, 49, 2), weight (T, 49) by clip."""
    total = 0.0
    for clip, i in frames:
        entries = []
        for joint in range(49):
            for axis in (0, 1):
                error = (predicted[clip][i, joint, axis] - target[clip][i, joint, axis]) * weight[clip][
                    i, joint
                ]
                entries.append(error**2 if kind == "l2" else abs(error))
        total += sum(entries) if reduction == "sum" else sum(entries) / 98
    return total / len(frames) if frames else 0.0


def info_nce(query, key, bank, bank_clips, numbers, temperature):
    """Eq. 8, averaged over the clips."""
    losses = []
    for q, k, number in zip(query, key, numbers, strict=True):
        positive = math.exp(q @ k / temperature)
        negatives = [
            math.exp(q @ old / temperature)
            for old, clip in zip(bank, bank_clips, strict=True)
            if clip >= 0 and clip != number
        ]
        losses.append(-math.log(positive / (positive + sum(negatives))))
    return sum(losses) / len(losses)
