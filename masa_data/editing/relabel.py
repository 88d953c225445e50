"""Labels and splits for a finished file: from a corpus's lists, or assigned by a rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from masa_data.classes.splits import assign_splits, empty_splits
from masa_data.corpora.clip import Clip
from masa_data.corpora.matching import IdMatcher
from masa_data.editing.rewrite import rewrite
from masa_data.errors import DataError
from masa_data.shards.reader import PoseShards
from masa_data.tracks.provenance import SplitRule
from masa_data.tracks.track import ClipInfo


@dataclass(frozen=True, slots=True)
class Relabeled:
    """The result or the plan of relabeling.

    Attributes:
        infos: new properties of each clip of the file, in its order.
        changed: number of clips that change.
        unknown: ids of clips that the lists do not name; unchanged.
        contested: ids of clips of which several match the same list entry; unchanged.
        absent: number of clips in the lists that are not in the file.
    """

    infos: list[ClipInfo]
    changed: int
    unknown: list[str]
    contested: list[str]
    absent: int


def relabel(infos: Sequence[ClipInfo], clips: Sequence[Clip]) -> Relabeled:
    """Assign the labels of lists to the clips of a file.

    A clip matches a list entry with the same id; else the entry whose id is the end of the clip's id
    ("videos/69241" matches "69241"), or the only entry whose id ends with the clip's id. The signer is kept
    if the lists do not contain it.

    Args:
        infos: the clips of the file.
        clips: the clips of the lists.

    Raises:
        DataError: if a text in the lists cannot be stored.
    """
    matches, contested = _matches([info.id for info in infos], clips)
    renewed = [_renewed(info, clips[matches[info.id]]) if info.id in matches else info for info in infos]
    return Relabeled(
        renewed,
        changed=sum(new != old for new, old in zip(renewed, infos, strict=True)),
        unknown=[info.id for info in infos if info.id not in matches and info.id not in contested],
        contested=[info.id for info in infos if info.id in contested],
        absent=len(clips) - len(set(matches.values())),
    )


def write_relabeled(tracks: PoseShards, done: Relabeled) -> None:
    """Write the new labels to the dataset; open it again afterwards.

    The recorded split rule is kept as long as a clip to which it was applied keeps its split.

    Raises:
        DataError: as for `rewrite`.
        OSError: as for `rewrite`.
    """
    kept = {*done.unknown, *done.contested}
    ruled = any(info.split for info in done.infos if info.id in kept)
    provenance = tracks.provenance if ruled else tracks.provenance.model_copy(update={"split_rule": None})
    rewrite(tracks, done.infos, provenance)


def deal_splits(tracks: PoseShards, rule: SplitRule, *, again: bool = False) -> tuple[int, list[str]]:
    """Assign a split to the clips without one, and record the rule; open the dataset again afterwards.

    Args:
        tracks: the open dataset.
        rule: rule of the assignment.
        again: whether clips that have a split are assigned again.

    Returns:
        the number of clips that were assigned, and the splits that are empty afterwards. If no clip was
        assigned, the dataset is unchanged.

    Raises:
        DataError: if the rule cannot be applied, or other clips were assigned by another rule.
        OSError: as for `rewrite`.
    """
    infos = [tracks.info(number) for number in range(len(tracks))]
    if again:
        infos = [replace(info, split="") for info in infos]
    dealt = sum(not info.split for info in infos)
    if not dealt:
        return 0, []
    earlier = tracks.provenance.split_rule
    if earlier not in (None, rule) and not again:
        raise DataError(
            f"{tracks.path} has splits assigned by {earlier!r}, and {dealt:,} clips without a split",
            "Give the same {by} and {seed}, or {again} to assign all clips again",
            by=...,
            seed=...,
            again=True,
        )
    try:
        infos = assign_splits(infos, rule)
    except DataError as error:
        raise DataError(
            error.reason, "Add signers with masa-convert relabel, or give {by}", by="random"
        ) from None
    rewrite(tracks, infos, tracks.provenance.model_copy(update={"split_rule": rule}))
    return dealt, empty_splits(info.split for info in infos)


def _matches(ids: Sequence[str], clips: Sequence[Clip]) -> tuple[dict[str, int], set[str]]:
    """Return the matching list entry of each clip, and the clips of which several match the same entry."""
    entries = IdMatcher([clip.id for clip in clips])
    matches = {clip_id: entry for clip_id in ids if (entry := entries.whole(clip_id)) is not None}
    exact = set(matches.values())
    claims: dict[int, list[str]] = defaultdict(list)
    for clip_id in ids:
        if clip_id not in matches:
            found = entries.by_end(clip_id)
            if found is not None:
                # A clip with the whole id takes precedence over one with a part of it.
                claims[found] += (clip_id, "") if found in exact else (clip_id,)
    matches |= {claimants[0]: number for number, claimants in claims.items() if len(claimants) == 1}
    contested = {clip_id for claimants in claims.values() if len(claimants) > 1 for clip_id in claimants}
    return matches, contested


def _renewed(info: ClipInfo, clip: Clip) -> ClipInfo:
    for text in (clip.gloss, clip.signer):
        if "\0" in text:
            raise DataError(
                f"clip {clip.id!r}: found {text[:40]!a} in the lists, expected a text without NUL",
                "Correct the list",
            )
    return replace(
        info,
        corpus=clip.corpus,
        gloss=clip.gloss,
        label=clip.label,
        split=clip.split,
        signer=clip.signer or info.signer,
    )
