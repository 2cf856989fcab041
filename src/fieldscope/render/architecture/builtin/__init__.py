"""The layout that needs nothing: ranks, few crossings, frames that nest; written as SVG."""
