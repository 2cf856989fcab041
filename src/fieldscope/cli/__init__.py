"""The command `fieldscope`: a thin floor over `fieldscope.api` and `fieldscope.render`."""
