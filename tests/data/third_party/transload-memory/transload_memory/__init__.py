"""A source plugin that somebody else wrote."""
