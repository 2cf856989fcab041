"""The tutorial is run as a notebook, by tests/test_notebook.py, not by looking for doctests."""

collect_ignore = ["tutorial.py"]
