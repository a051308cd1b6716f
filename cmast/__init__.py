"""The collaborative itself, and the kit that the other apps share."""

from cmast.celery import app as celery_app

__all__ = ["celery_app"]
