"""Keras models and layers, on whichever backend Keras runs."""
