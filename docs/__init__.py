"""The pages, and in `_sphinx` what makes a site of them."""
