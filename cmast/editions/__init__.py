"""Editions of the collaborative's briefing as data files, one directory each, and the code that loads them."""
