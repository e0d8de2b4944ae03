"""``python -m reparam.cli`` is the command ``reparam``."""

import sys

from . import main

sys.exit(main())
