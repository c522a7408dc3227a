"""Explains one record: what became of it, step by step, and what would become of it."""
