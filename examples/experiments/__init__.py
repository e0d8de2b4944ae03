"""Experiments of the literature on gradients through samples, each a command of its own.

``python -m examples.experiments.NAME`` trains, prints a table and writes a report with plots; ``--quick`` shows that
it runs. The names are those of the modules here. They need what the tour needs (``reparam[tour]``), and
``topic_model`` also the corpus that the package ``lda`` ships (``reparam[experiments]``).
"""
