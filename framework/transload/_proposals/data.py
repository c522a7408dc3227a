"""The data that proposals are made from: words, the names of columns, and weights."""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C, where it was built, takes a tenth of the time


@cache
def read_data(name: str) -> Any:
    """Read one of the files that the package ships."""
    return yaml.load((files("transload._proposals") / f"{name}.yaml").read_text(encoding="utf-8"), _LOADER)
