"""Front ends: from a framework's model to a graph of canonical operators."""
