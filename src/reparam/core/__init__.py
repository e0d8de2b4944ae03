"""The foundation: declarations, doors, views and dispatch."""
