"""Timings of reparam against torch.distributions: ``python -m bench`` or ``make bench``."""
