"""Photographs in folders: found, checked, read; no network, no framework."""

from __future__ import annotations

from fieldscope.photos.catalogue import Catalogue, Photo, catalogue_of
from fieldscope.photos.files import images_in
from fieldscope.photos.reading import array, sized, squared, upright

__all__ = [
    "Catalogue",
    "Photo",
    "array",
    "catalogue_of",
    "images_in",
    "sized",
    "squared",
    "upright",
]
