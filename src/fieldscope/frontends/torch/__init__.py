"""The PyTorch front end: record a run at the ATen dispatch level, and lower it."""
