"""The values that settings choose among."""

from __future__ import annotations

from typing import Final, Literal

# A preset of network, recipe and length.
Size = Literal["base", "small", "tiny"]
# A preset of fine-tuning: the paper's, or one measured on small data.
Recipe = Literal["paper", "tuned"]
# Number format of the network's arithmetic; "auto" is bf16 on a GPU that has it, else fp32.
Precision = Literal["auto", "fp32", "bf16"]
# What weight decay is applied to: all parameters, or only the matrices of linear layers.
Decay = Literal["all", "matrices"]
# Where clips are held while training: read from disk as needed, in memory, or on the GPU.
Storage = Literal["auto", "stream", "memory", "gpu"]

# "frame": a hand's box follows it, so that its path is left to the body's wrist. "clip": one box a clip.
CropReference = Literal["frame", "clip"]
# Longer clips are thinned out to this many frames.
MAX_FRAMES: Final = 150
# How the frames of a clip are chosen in fine-tuning. "window": neighboring frames, all places of the window
# alike. "stride": the same of every second frame, as the authors' data code thins its clips out, so that as
# many frames reach twice as far. "spread": one frame out of each of as many equal parts of the clip as there
# are frames to choose. The paper says none of them.
Sampling = Literal["window", "stride", "spread"]

# An "entry" of Alg. 1: how far a joint moves, or each of its two coordinates. The paper does not say.
Magnitude = Literal["displacement", "coordinate"]
# Which entries a frame's share is of: those seen in both frames, or all. Read literally the paper says all;
# half of real clips then have no candidate, since one hand is often absent.
Denominator = Literal["visible", "all"]
# What makes a frame a candidate.
# "parts": in the body or in a hand, enough of the keypoints that are seen surely in both frames move by ε_m.
# "paper": the letter of Alg. 1: motion times c_i · c_{i+k} is compared with ε_m, and all 49 keypoints
# together must move enough. Graded confidences then ask for a multiple of ε_m; and where an estimator always
# gives both hands, no frame of a one-handed sign is a candidate (docs/pretrain.md has the numbers).
# "released": the authors' code: two coordinates of a part grow by more than ε_m, whatever the confidence.
MaskRule = Literal["parts", "paper", "released"]
# One set of masked frames a clip (the paper); one for each part, which is hidden alone ("per_part"); or one
# for each part, and a frame of any of them is hidden whole ("union", as in the released code).
MaskSet = Literal["clip", "per_part", "union"]
# Frames are chosen among those that move (Alg. 1), or among all that have a residual.
MaskStrategy = Literal["motion", "random"]

# What the decoder predicts (Table VI).
Objective = Literal["motion", "joint"]
# What is measured per entry, and how a frame's entries come together. "sum" is the letter of Eq. 4.
LossKind = Literal["l2", "l1"]
Reduction = Literal["mean", "sum"]
# Batch statistics, or layer norm: for measuring what batch statistics give away to the contrastive task.
Normalization = Literal["batch", "layer"]

# The classifier behind the encoder, and how it averages over frames.
Head = Literal["linear", "batch-norm"]
Pooling = Literal["average", "softmax"]
