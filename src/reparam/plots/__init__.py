"""Pictures of a law: density, cdf and samples (needs matplotlib: ``reparam[plots]``)."""

from .laws import cdf as cdf
from .laws import density as density
from .laws import samples as samples
from .plane import scatter as scatter
from .style import axes as axes
from .style import to_svg as to_svg
