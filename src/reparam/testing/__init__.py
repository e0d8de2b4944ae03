"""The laws that every distribution obeys, as functions that test one: yours too.

:func:`check` applies all that fit to a class or to one distribution. The laws by name are in :data:`LAWS`; each is a
function of a :class:`Family`, which makes the laws to test from declared parameters.
"""

from . import (
    calculus as calculus,
)
from . import (
    gradients as gradients,
)
from . import (
    information as information,
)
from . import (
    layouts as layouts,
)
from . import (
    logarithms as logarithms,
)
from . import (
    pathwise as pathwise,
)
from . import (
    precision as precision,
)
from . import (
    programs as programs,
)
from . import (
    refusals as refusals,
)
from . import (
    shapes as shapes,
)
from . import (
    statistics as statistics,
)
from .draws import Family as Family
from .draws import classes_in as classes_in
from .information import compare_divergence as compare_divergence
from .measure import NoQuadratureError as NoQuadratureError
from .measure import expectation as expectation
from .programs import compile_and_compare as compile_and_compare
from .recipes import families as families
from .recipes import recipe as recipe
from .registry import LAWS as LAWS
from .registry import Law as Law
from .registry import absent as absent
from .registry import law as law
from .report import Report as Report
from .report import check as check
