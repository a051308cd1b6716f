"""The product's settings as the tests run them; everything that is different under test is here."""

import os

os.environ |= {
    "CMAST_EMBEDDED": "false",
    "CMAST_HTTPS": "false",
    "CMAST_SECRET_KEY": "only for tests",
    "CMAST_BROKER_URL": "memory://",
    "CMAST_EMAIL_URL": "memorymail://",
    "CMAST_STATIC_STORAGE": "django.contrib.staticfiles.storage.StaticFilesStorage",
    "CMAST_LOG_LEVEL": "WARNING",
    # The clock stands still, so all tests fall into one window.
    "CMAST_RATE_LIMIT": "1000000/60",
}
os.environ.setdefault("CMAST_DATABASE_URL", "sqlite://:memory:")

from cmast.settings import *

if _template := os.environ.get("CMAST_TEST_TEMPLATE"):
    DATABASES["default"]["TEST"] = {"TEMPLATE": _template}

# A query per row fails the test that makes it.
INSTALLED_APPS += ["zeal"]
MIDDLEWARE += ["zeal.middleware.zeal_middleware"]
# Static files as they lie in the apps: nothing needs to be collected before.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
# The real hasher is slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
