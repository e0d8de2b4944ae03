"""Settings of the manual: Markdown pages, and the reference from the docstrings."""

from importlib import metadata

project = "reparam"
author = "The reparam developers"
version = release = metadata.version("reparam")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
]
myst_enable_extensions = ["colon_fence", "dollarmath"]
napoleon_custom_sections = [("Shapes", "notes_style")]
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"reparam {version}"
