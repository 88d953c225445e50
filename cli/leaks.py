"""What masa-pretrain prints about clips that are in two corpora."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from rich.console import Console

from masa_data.analysis.leaks import find_leaks
from masa_data.shards.dataset import PoseDataset
from masa_data.texts import counted

_SHOWN: Final = 3


def print_leaks(console: Console, training: PoseDataset) -> None:
    """Print which training clips are also in another corpus; nothing if there is only one corpus.

    Args:
        console: where to print.
        training: the training clips. The other clips of their files are compared too.
    """
    clips = PoseDataset(training.files, any_estimator=True)
    if len(set(clips.column("corpus").tolist())) < 2:
        return
    used = {(info.corpus, info.id) for info in map(training.info, range(len(training)))}
    pairs: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for leak in find_leaks(clips):
        infos = sorted(
            map(clips.info, (leak.first, leak.second)), key=lambda info: (info.corpus, info.id) not in used
        )
        first, second = ((info.corpus, info.id) in used for info in infos)
        if first:
            names = [f"{info.corpus}/{info.split or 'none'}" for info in infos]
            meaning = "is used twice" if second else "is seen in training"
            pairs[f"{names[0]} and {names[1]}", leak.same, meaning].append(f"{infos[0].id} = {infos[1].id}")
    if not pairs:
        console.print(
            f"Leak check: no training clip is also in another corpus ({len(clips):,} clips compared)"
        )
    for (where, same, meaning), ids in sorted(pairs.items()):
        more = ", …" if len(ids) > _SHOWN else ""
        console.print(
            f"Leak check: {counted(len(ids), 'clip')} of {where} with the same {same}, so the second one "
            f"{meaning}: {', '.join(ids[:_SHOWN])}{more}"
        )
