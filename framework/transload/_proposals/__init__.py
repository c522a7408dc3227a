"""Proposes columns for source fields that no rule covers: names, types, lengths and the shape of values."""

from transload._proposals.proposer import propose

__all__ = ["propose"]
