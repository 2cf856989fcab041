"""The lab's findings as pictures, which load matplotlib when one is drawn."""
