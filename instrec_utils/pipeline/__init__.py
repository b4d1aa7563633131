"""From videos to the built book: parameters, notebooks, pages, experiments, publishing."""
