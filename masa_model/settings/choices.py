"""The allowed values of settings that choose one of several words."""

from __future__ import annotations

from typing import Final, Literal

# Preset of the network, the training recipe and the number of epochs.
Size = Literal["base", "small", "tiny"]
# Preset of fine-tuning: the paper's, or one that was tuned on small data.
Recipe = Literal["paper", "tuned"]
# Number format of the network's arithmetic; "auto" is bf16 on a GPU that has it, else fp32.
Precision = Literal["auto", "fp32", "bf16"]
# Parameters to which weight decay is applied: all, or only the weight matrices of linear layers.
Decay = Literal["all", "matrices"]
# Where clips are kept during training: on disk (read as needed), in memory, or on the GPU.
Storage = Literal["auto", "stream", "memory"]

# "frame": one box for each hand in each frame; the box follows the hand, so the hand's path is visible only
# in the wrist keypoint of the body. "clip": one box for each hand in the whole clip.
CropReference = Literal["frame", "clip"]
# Maximum number of frames of a clip; longer clips are subsampled.
MAX_FRAMES: Final = 150
# How the frames of a clip are chosen in fine-tuning. "window": a window of neighboring frames; all positions
# of the window are equally likely. "stride": a window of every second frame, which covers twice the time; the
# authors' data code subsamples clips in this way. "spread": the clip is cut into as many equal parts as there
# are frames to choose, and one frame is taken from each part. The paper does not say which one it uses.
Sampling = Literal["window", "stride", "spread"]

# What Alg. 1 counts as one "entry": the displacement of a joint, or each of its two coordinates. The paper
# does not say which.
Magnitude = Literal["displacement", "coordinate"]
# Denominator of the fraction of moving entries of a frame: entries that are visible in both frames, or all
# entries. Read literally, the paper says all; then half of real clips have no candidate frame, because one
# hand is often absent.
Denominator = Literal["visible", "all"]
# Which frames are candidates for masking.
# "parts": frames in which enough keypoints of one part (body, left hand, right hand) move by at least ε_m;
# only keypoints with enough confidence in both frames count.
# "paper": Alg. 1 as written: motion times c_i · c_{i+k} is compared with ε_m, over all 49 keypoints together.
# A confidence below 1 then needs more motion than ε_m; and if an estimator always outputs both hands, no
# frame of a one-handed sign is a candidate (see docs/pretrain.md for numbers).
# "released": the authors' code: more than one coordinate of a part increases by more than ε_m, at any
# confidence above 0.
MaskRule = Literal["parts", "paper", "released"]
# "clip": one set of masked frames for all parts of a clip (the paper). "per_part": one set for each part;
# only this part is masked. "union": one set for each part; all parts are masked in the frames of any set
# (the released code).
MaskSet = Literal["clip", "per_part", "union"]
# "motion": masked frames are chosen among the frames with enough motion (Alg. 1). "random": among all frames
# that have a motion residual.
MaskStrategy = Literal["motion", "random"]

# Prediction target of the decoder (Table VI).
Objective = Literal["motion", "joint"]
# Error of one entry, and how the errors of a frame are combined. Eq. 4 as written uses "l2" and "sum".
LossKind = Literal["l2", "l1"]
Reduction = Literal["mean", "sum"]
# Batch normalization, or layer normalization. With layer normalization one can measure how much batch
# statistics leak information to the contrastive task.
Normalization = Literal["batch", "layer"]

# The classification head after the encoder, and how it averages over frames.
Head = Literal["linear", "batch-norm"]
HeadStart = Literal["random", "class-means"]
Pooling = Literal["average", "softmax"]
