"""TensorFlow functions, modules, SavedModels and frozen graphs, by their operations."""
