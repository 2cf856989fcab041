"""Training: what is planned, the course of it, and what is kept of it at every moment."""
