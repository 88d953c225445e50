"""Labels and splits for a finished file: from a corpus's lists, or dealt by a rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from masa_data.classes.splits import assign_splits, empty_splits
from masa_data.corpora.clip import Clip
from masa_data.editing.rewrite import rewrite
from masa_data.errors import DataError
from masa_data.shards.reader import PoseShards
from masa_data.tracks.provenance import SplitRule
from masa_data.tracks.track import ClipInfo


@dataclass(frozen=True, slots=True)
class Relabeled:
    """What relabeling did, or would do.

    Attributes:
        infos: what is then known of each clip of the file, in its order.
        changed: how many clips that changes.
        unknown: ids of clips that the lists do not name, kept as they were.
        contested: ids of clips of which several look like the same clip of the lists, kept as they were.
        absent: how many clips of the lists are not in the file.
    """

    infos: list[ClipInfo]
    changed: int
    unknown: list[str]
    contested: list[str]
    absent: int


def relabel(infos: Sequence[ClipInfo], clips: Sequence[Clip]) -> Relabeled:
    """Give clips of a file the labels that lists give them.

    A clip is recognized by its whole id; else by the last parts of its id ("videos/69241" is "69241"), or by
    being the last parts of one id in the lists only. What the lists do not say of the signer is kept.

    Args:
        infos: the clips of the file.
        clips: the clips of the lists.

    Raises:
        DataError: if a text of the lists cannot be stored.
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

    The rule by which its splits were dealt stays recorded only while a clip that it dealt keeps its split.

    Raises:
        DataError: as `rewrite`.
        OSError: as `rewrite`.
    """
    kept = {*done.unknown, *done.contested}
    ruled = any(info.split for info in done.infos if info.id in kept)
    provenance = tracks.provenance if ruled else tracks.provenance.model_copy(update={"split_rule": None})
    rewrite(tracks, done.infos, provenance)


def deal_splits(tracks: PoseShards, rule: SplitRule, *, again: bool = False) -> tuple[int, list[str]]:
    """Give the clips that have no split one, and record the rule; open the dataset again afterwards.

    Args:
        tracks: the open dataset.
        rule: how to deal.
        again: whether clips that have a split are dealt anew too.

    Returns:
        how many clips were dealt, and the splits that no clip is in now. If none had to be dealt, the dataset
        is as before.

    Raises:
        DataError: if the rule cannot be applied, or other clips were dealt by another one.
        OSError: as `rewrite`.
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
            f"{tracks.path} has splits dealt by {earlier!r}, and {dealt:,} clips without one",
            "Give the same {by} and {seed}, or {again} to deal all clips anew",
            by=...,
            seed=...,
            again=True,
        )
    try:
        infos = assign_splits(infos, rule)
    except DataError as error:
        raise DataError(
            error.reason, "Name signers with masa-convert relabel, or give {by}", by="random"
        ) from None
    rewrite(tracks, infos, tracks.provenance.model_copy(update={"split_rule": rule}))
    return dealt, empty_splits(info.split for info in infos)


def _matches(ids: Sequence[str], clips: Sequence[Clip]) -> tuple[dict[str, int], set[str]]:
    """Which clip of the lists each clip of the file is, and those where two of the file would be the same."""
    whole = {clip.id: number for number, clip in enumerate(clips)}
    ends: dict[str, list[int]] = defaultdict(list)
    for number, clip in enumerate(clips):
        for end in _ends(clip.id):
            ends[end].append(number)
    matches = {clip_id: whole[clip_id] for clip_id in ids if clip_id in whole}
    exact = set(matches.values())
    claims: dict[int, list[str]] = defaultdict(list)
    for clip_id in ids:
        if clip_id not in matches:
            found = _by_end(clip_id, whole, ends)
            if found is not None:
                # A clip with the whole id goes before one with a part of it.
                claims[found] += (clip_id, "") if found in exact else (clip_id,)
    matches |= {claimants[0]: number for number, claimants in claims.items() if len(claimants) == 1}
    contested = {clip_id for claimants in claims.values() if len(claimants) > 1 for clip_id in claimants}
    return matches, contested


def _by_end(clip_id: str, whole: Mapping[str, int], ends: Mapping[str, list[int]]) -> int | None:
    for end in _ends(clip_id):
        if end in whole:
            return whole[end]
    longer = ends.get(clip_id, [])
    return longer[0] if len(longer) == 1 else None


def _ends(clip_id: str) -> Iterator[str]:
    """The id without its first part, its first two parts, and so on."""
    while "/" in clip_id:
        clip_id = clip_id.partition("/")[2]
        yield clip_id


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
