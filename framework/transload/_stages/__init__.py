"""The journey: one module for each stage."""
