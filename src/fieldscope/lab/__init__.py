"""The lab: networks are trained, and what receptive-field analysis predicted of them is tested."""
