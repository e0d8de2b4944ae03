"""What several laws share: bases, sums, integrals and solvers."""
