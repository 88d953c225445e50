"""The training commands in processes that have torch loaded already: a kill costs a second, not ten.

What is loaded before a command begins writes nothing, so a kill meanwhile leaves nothing to test.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

import masa_cli.finetune
import masa_cli.pretrain
import torch

import masa_model.finetune
import masa_model.pictures.of_runs
import masa_model.pretrain
import masa_model.training.records  # noqa: F401

COMMANDS = {"masa-pretrain": masa_cli.pretrain.main, "masa-finetune": masa_cli.finetune.main}


def start(name: str, arguments: tuple[object, ...], output: Path) -> BaseProcess:
    """Begin a command; it writes what it says to a file."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_run, args=(name, list(map(str, arguments)), output))
    process.start()
    return process


def _run(name: str, arguments: list[str], output: Path) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(descriptor, stream.fileno())
    torch.set_num_threads(1)
    COMMANDS[name](arguments, prog_name=name)
