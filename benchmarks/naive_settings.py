"""The product's database and apps, and for the rest what Django and DRF bring with them."""

from cmast import settings as product

SECRET_KEY = product.SECRET_KEY
ALLOWED_HOSTS = product.ALLOWED_HOSTS
DATABASES = product.DATABASES
INSTALLED_APPS = product.INSTALLED_APPS
AUTH_USER_MODEL = product.AUTH_USER_MODEL
KNOX_TOKEN_MODEL = product.KNOX_TOKEN_MODEL
STORAGES = product.STORAGES
TEMPLATES = product.TEMPLATES
STATIC_URL = product.STATIC_URL
TIME_ZONE = product.TIME_ZONE
USE_TZ = product.USE_TZ
# Read by the models as they are imported.
MAIL_LEASE, MAIL_DATA_LEASE = product.MAIL_LEASE, product.MAIL_DATA_LEASE
MAIL_PAUSES, MAIL_BREAKER, MAIL_TIMEOUTS = product.MAIL_PAUSES, product.MAIL_BREAKER, product.MAIL_TIMEOUTS

ROOT_URLCONF = "benchmarks.naive"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
REST_FRAMEWORK = {
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
