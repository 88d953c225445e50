from masa_data.tracks.skeleton import (
    COCO_WHOLEBODY_INDICES,
    KEYPOINT_NAMES,
    LEFT_HAND,
    LIMBS,
    MEDIAPIPE_POSE_INDICES,
    MIRROR,
    RIGHT_HAND,
)

# COCO's 17 body keypoints and MediaPipe's pose landmarks, as their authors list them.
COCO_BODY = """nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow
right_elbow left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"""
MEDIAPIPE_POSE = """nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer
left_ear right_ear mouth_left mouth_right left_shoulder right_shoulder left_elbow right_elbow left_wrist
right_wrist"""


def test_every_keypoint_has_a_name_of_its_own():
    assert len(set(KEYPOINT_NAMES)) == 49


def test_body_indices_point_at_the_same_names_in_coco_and_mediapipe():
    assert [COCO_BODY.split()[index] for index in COCO_WHOLEBODY_INDICES[:7]] == list(KEYPOINT_NAMES[:7])
    assert [MEDIAPIPE_POSE.split()[index] for index in MEDIAPIPE_POSE_INDICES] == list(KEYPOINT_NAMES[:7])


def test_hands_are_the_last_42_of_coco_wholebody_left_first():
    assert list(COCO_WHOLEBODY_INDICES[7:]) == list(range(91, 133))
    assert all(name.startswith("left_hand") for name in KEYPOINT_NAMES[LEFT_HAND])
    assert all(name.startswith("right_hand") for name in KEYPOINT_NAMES[RIGHT_HAND])


def test_mirror_exchanges_left_and_right_in_every_name():
    for name, partner in zip(KEYPOINT_NAMES, MIRROR, strict=True):
        swapped = {"left": "right", "right": "left"}.get(name.split("_")[0], name.split("_")[0])
        assert KEYPOINT_NAMES[partner] == "_".join([swapped, *name.split("_")[1:]])


def test_limbs_join_every_keypoint_into_one_figure():
    figure = {0}
    for _ in range(len(LIMBS)):
        figure |= {keypoint for limb in LIMBS for keypoint in limb if figure & set(limb)}
    assert figure == set(range(49))
    # A finger's bone joins neighbors: thumb 1 to 2, not thumb to index.
    names = {(KEYPOINT_NAMES[first], KEYPOINT_NAMES[second]) for first, second in LIMBS}
    assert ("left_hand_thumb_3", "left_hand_thumb_4") in names
    assert ("right_hand_wrist", "right_hand_little_1") in names
    assert ("left_hand_thumb_4", "left_hand_index_1") not in names
