"""What lowerings of every framework are made of."""
