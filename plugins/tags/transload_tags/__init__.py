"""Tags: rows linked to whatever carries them, a choice column, or territories."""
