"""All benchmarks, one after the other; ``--quick`` and ``--markdown`` are passed to each."""

from __future__ import annotations

from . import large, sampling, small_calls, special

small_calls.main()
print()
large.main()
print()
sampling.main()
print()
special.main()
