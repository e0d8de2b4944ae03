"""The laws that every distribution obeys, as functions that test one: yours too.

:func:`check` applies all that fit to a class or to one distribution. The laws by name are in :data:`LAWS`; each is a
function of a :class:`Family`, which makes the laws to test from declared parameters.
"""

from . import (
    calculus as calculus,
    gradients as gradients,
    information as information,
    precision as precision,
    programs as programs,
    refusals as refusals,
    shapes as shapes,
    statistics as statistics,
)
from .draws import Family as Family, classes_in as classes_in
from .information import compare_divergence as compare_divergence
from .measure import expectation as expectation
from .programs import compile_and_compare as compile_and_compare
from .recipes import families as families, recipe as recipe
from .registry import LAWS as LAWS, Law as Law, absent as absent, law as law
from .report import Report as Report, check as check
