"""The product and the least work that gives the same answers, measured side by side. docs/performance.md says how to read it."""
