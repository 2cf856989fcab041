"""The lab's data: photographs split, prepared and loaded, the same in every run of a seed.

    catalogue = catalogue_of("photos", "labels.csv").checked(skip_bad=False)
    split = split_of(catalogue, seed=0)                        # split.save(run / "split.csv")
    preparation = Preparation(224, augment=Augmentation())
    batches = loaders(split, preparation, batch_size=32, seed=0, workers=2)
    for epoch in range(25):
        batches.set_epoch(epoch)                               # Lightning does this by itself
        for inputs, targets in batches.train: ...

- `split` decides which photos are trained on, each class alike, and saves it.
- `preparing` makes inputs of photos; `augmentation` varies them.
- `loading` gives batches; `sampling` is their order. Both depend on seed and epoch alone.
- `sheets` shows samples of each class, and of how they are varied.
"""

from __future__ import annotations

from fieldscope.lab.data.augmentation import Augmentation
from fieldscope.lab.data.loading import Loaders, Photos, loaders
from fieldscope.lab.data.preparing import (
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    Preparation,
    normalised,
    shown,
)
from fieldscope.lab.data.sheets import augmented_sheet, contact_sheet
from fieldscope.lab.data.sheets import save as save_sheet
from fieldscope.lab.data.split import Split, read_split, split_of

__all__ = [
    "IMAGENET_DEVIATION",
    "IMAGENET_MEAN",
    "Augmentation",
    "Loaders",
    "Photos",
    "Preparation",
    "Split",
    "augmented_sheet",
    "contact_sheet",
    "loaders",
    "normalised",
    "read_split",
    "save_sheet",
    "shown",
    "split_of",
]
