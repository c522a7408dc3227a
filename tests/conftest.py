"""The fixtures of the kit for plugin authors, which our own plugins use too."""

pytest_plugins = ["transload.testing.fixtures", "pytester"]
