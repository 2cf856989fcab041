"""Linear probes: what a straight cut through each layer's features tells apart."""
