"""All benchmarks, one after the other; ``--quick`` and ``--markdown`` are passed to each."""

from __future__ import annotations

from . import large, mixtures, sampling, small_calls, small_doors, special, special_regions, transforms, vectors

small_calls.main()
print()
small_doors.main()
print()
large.main()
print()
sampling.main()
print()
mixtures.main()
print()
special.main()
print()
special_regions.main()
print()
transforms.main()
print()
vectors.main()
