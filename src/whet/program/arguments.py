"""A program's command line without its secrets: words that name existing files, and the program itself, stay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from whet.model.masking import mask_argv
from whet.program.spec import TargetKind, TargetSpec


def mask_spec(spec: TargetSpec) -> tuple[str, ...]:
    """Return the words that start a program, without secrets."""
    return mask_words(spec.words, spec.directory, program="" if spec.kind is TargetKind.CODE else spec.name)


def mask_words(words: Sequence[str], directory: str | Path, *, program: str = "") -> tuple[str, ...]:
    """Return the words of a command line that is run in ``directory``, without secrets."""

    def is_path(word: str) -> bool:
        try:
            return Path(directory, word).exists()
        except (OSError, ValueError):
            return False

    return mask_argv(words, is_path=is_path, program=program)
