"""Live parameters: values read anew at every use, and distributions as trainable modules."""

from .learnable import Learnable as Learnable
from .learnable import learnable as learnable
from .values import Live as Live
from .values import live as live
