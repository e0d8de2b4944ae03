"""Implicit reparameterisation: exact gradients through samples whose standardisation can be differentiated."""
