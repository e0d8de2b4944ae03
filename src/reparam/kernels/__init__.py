"""Native kernels: the only place that loads the compiled library and decides when it runs."""

from .checks import all_within as all_within
from .dispatch import fused as fused
from .dispatch import kernel as kernel
from .library import available as available
from .library import info as info
from .samplers import standard_gamma_log as standard_gamma_log
from .samplers import standard_von_mises as standard_von_mises
from .samplers import usable as usable
