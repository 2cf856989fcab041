"""The lab's findings as documents."""
