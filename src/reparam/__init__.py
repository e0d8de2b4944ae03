"""reparam: probability distributions for PyTorch, differentiable in every argument."""

from . import constraints as constraints
from . import special as special
from . import transforms as transforms
from .combinators.independent import Independent as Independent
from .combinators.masked import Masked as Masked
from .combinators.mixture import MixtureSameFamily as MixtureSameFamily
from .combinators.transformed import TransformedDistribution as TransformedDistribution
from .core.distribution import Distribution as Distribution
from .core.params import component as component
from .core.params import one_of as one_of
from .core.params import param as param
from .core.params import static as static
from .core.views import cat as cat
from .core.views import stack as stack
from .families.bernoulli import Bernoulli as Bernoulli
from .families.beta import Beta as Beta
from .families.binomial import Binomial as Binomial
from .families.categorical import Categorical as Categorical
from .families.dirichlet import Dirichlet as Dirichlet
from .families.gamma import Gamma as Gamma
from .families.log_normal import LogNormal as LogNormal
from .families.multivariate_normal import MultivariateNormal as MultivariateNormal
from .families.normal import Normal as Normal
from .families.student_t import StudentT as StudentT
from .families.uniform import Uniform as Uniform
from .kl import kl_divergence as kl_divergence
from .kl import register_kl as register_kl
from .live import Learnable as Learnable
from .live import learnable as learnable
from .live import live as live
from .transforms import biject_to as biject_to
from .transforms import transform_to as transform_to

__version__ = "0.1.0"
