"""What is tried: networks on digits, each with several seeds, by the commands that users have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tests.shipped import VGG16_OF_CRAFT, text_detector

SEEDS = (0, 1, 2, 3, 4)
RESOLUTION = 32
# Photos of each class in all, and of these the ones that are trained on.
PLENTY, SCARCE = (200, 100), (100, 30)
EPOCHS = {"redesigns": 12, "transfer": 20}

RESNET = "torchvision:resnet18"
EFFICIENCY, PERFORMANCE = "efficiency.py", "performance.py"
# CRAFT's trained `basenet` is VGG16 with batch norm, up to this layer.
CUT = "features.39"
WEIGHTS = text_detector().name
RENAMED = "=".join(*VGG16_OF_CRAFT)

Question = Literal["redesigns", "transfer"]


@dataclass(frozen=True, slots=True)
class Variant:
    """One network of an experiment.

    Attributes:
        question: which experiment it is of.
        name: what tables and folders call it.
        told: what it is, in a sentence's words.
        command: `fieldscope lab …`, but for data, seed and folder.
        photos: of each class: how many there are, and how many of these are trained on.
        probed: whether each layer is probed after training.
    """

    question: Question
    name: str
    told: str
    command: tuple[str, ...]
    photos: tuple[int, int]
    probed: bool = False


def _training(question: Question, *, batch: int, photos: tuple[int, int]) -> tuple[str, ...]:
    return (
        "--resolution", f"{RESOLUTION}", "--epochs", f"{EPOCHS[question]}",
        "--batch-size", f"{batch}", "--learning-rate", "0.0003",
        "--train-per-class", f"{photos[1]}",
    )  # fmt: skip


def variants() -> Sequence[Variant]:
    """All networks that are trained, in the folder that has the redesigns and the weights."""
    plenty = ("train", *_training("redesigns", batch=32, photos=PLENTY), "--no-augment")
    scarce = _training("transfer", batch=16, photos=SCARCE)
    tuned = ("finetune", "--body", "torchvision:vgg16_bn", "--cut", CUT, "--freeze", *scarce)
    return (
        Variant(
            "redesigns", "resnet18", "ResNet-18 as it is", (*plenty, "--model", RESNET), PLENTY,
            probed=True,
        ),
        Variant(
            "redesigns", "efficiency", "refine's best proposal for efficiency",
            (*plenty, "--model", f"{EFFICIENCY}:build"), PLENTY, probed=True,
        ),
        Variant(
            "redesigns", "performance", "refine's best proposal for performance within 2x",
            (*plenty, "--model", f"{PERFORMANCE}:build"), PLENTY, probed=True,
        ),
        Variant(
            "transfer", "pretrained", "a frozen VGG16 body trained to find text",
            (*tuned, "--weights", WEIGHTS, "--rename", RENAMED), SCARCE,
        ),
        Variant(
            "transfer", "random", "the same frozen body with weights at random",
            tuned, SCARCE,
        ),
        Variant(
            "transfer", "small-vgg", "small-vgg trained from scratch",
            ("train", *scarce, "--no-augment", "--model", "small-vgg"), SCARCE,
        ),
    )  # fmt: skip


def redesigns() -> Sequence[tuple[str, ...]]:
    """The commands that write the redesigns: `fieldscope refine …`."""
    shared = (
        "refine", RESNET, "--arg", "num_classes=10", "--input", f"1x3x{RESOLUTION}x{RESOLUTION}",
        "--quiet",
    )  # fmt: skip
    return (
        (*shared, "--goal", "efficiency", "--write", EFFICIENCY),
        (
            *shared, "--goal", "performance", "--budget", "2x", "--write",
            PERFORMANCE,
        ),
    )  # fmt: skip
