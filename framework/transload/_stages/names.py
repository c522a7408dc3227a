"""What a person types for a stage that is not called by its own name."""

_COMMANDS = {
    "delta-quick": "delta --quick",
    "prepare-dry-run": "prepare --dry-run",
    "sample-remove": "sample --remove",
    "rollback-dry-run": "rollback --dry-run",
    "rollback-part": "rollback",
}


def command_of(stage: str) -> str:
    """Return the command of a stage, behind ``transload``."""
    return _COMMANDS.get(stage, stage)
