"""Integer arithmetic of windows, layouts and fields; no graph, no framework."""
