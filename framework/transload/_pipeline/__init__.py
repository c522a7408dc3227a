"""The way of one record: extract, transform, resolve, load. One module each, with planner and pool."""
