"""The front end for JAX: functions, flax (linen and nnx) and equinox modules."""
