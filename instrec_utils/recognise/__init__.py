"""A video in, the instruments in it with scores and a timeline out."""
