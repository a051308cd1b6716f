"""The web process: `gunicorn cmast.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cmast.settings")

application = get_wsgi_application()
