"""The order of the stages, and the file names that keep it."""

import re

STAGES = ("audit", "plan", "approve", "prepare", "sample", "run", "delta", "reconcile", "rollback")


def slug(text: str) -> str:
    """Return a text in lower case, with dashes for whatever is no ASCII letter or digit."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def position(stage: str) -> int:
    """Return a stage's place in the journey, from 1; what is no stage comes last.

    A qualified stage stands with its kin: ``approve-sample`` where ``approve`` stands.
    """
    name = slug(stage).partition("-")[0]
    return STAGES.index(name) + 1 if name in STAGES else len(STAGES) + 1


def file_stem(stage: str) -> str:
    """Return the name of a stage's files without the extension, such as ``05-sample``."""
    return f"{position(stage):02}-{slug(stage)}"
