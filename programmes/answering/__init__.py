"""What people can say from an e-mail about milestones, actions and updates. Importing it makes them answerable."""

from programmes.answering import items, updates

__all__ = ["items", "updates"]
