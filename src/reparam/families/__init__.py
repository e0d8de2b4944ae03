"""The univariate and multivariate laws, one file each."""
