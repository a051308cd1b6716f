"""The Celery application. It rings the bell; what is true lives in the database."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cmast.settings")

app = Celery("cmast")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
