"""Native kernels: the only place that loads the compiled library and decides when it runs."""

from .checks import all_within as all_within
from .dispatch import fused as fused
from .dispatch import kernel as kernel
from .library import available as available
from .library import info as info
from .samplers import draw as draw
from .samplers import key_of as key_of
from .samplers import noise_of as noise_of
from .samplers import sampler as sampler
from .samplers import usable as usable
