"""What is left of a model when a modality is missing or degraded."""
