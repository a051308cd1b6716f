"""The product beside the least work that gives the same answers. docs/performance.md says how to read the figures."""
