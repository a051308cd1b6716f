"""Every setting, each from the environment. `.env.example` lists the variables.

Two shapes of the same product. *Embedded* (`CMAST_EMBEDDED=true`, what `make run` sets): SQLite and Celery's filesystem
broker under `var/`, a secret key made on this machine, demo people. Everything else must be given its secrets and
refuses to start without them.
"""

import ipaddress
import secrets
from pathlib import Path

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if (BASE_DIR / ".env").exists():
    env.read_env(BASE_DIR / ".env")

#: Everything that the product writes to disk.
VAR_DIR = Path(env.str("CMAST_VAR_DIR", default=str(BASE_DIR / "var")))

EMBEDDED = env.bool("CMAST_EMBEDDED", default=False)
DEBUG = env.bool("CMAST_DEBUG", default=False)


def _embedded_secret_key() -> str:
    """One random key per machine, kept beside the database it protects."""
    path = VAR_DIR / "secret_key"
    if not path.exists():
        VAR_DIR.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(64))
    return path.read_text()


SECRET_KEY = _embedded_secret_key() if EMBEDDED else env.str("CMAST_SECRET_KEY")
ALLOWED_HOSTS = env.list("CMAST_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CMAST_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "cmast.apps.CmastConfig",
    "programmes",
    "metrics",
    "risks",
    "cmast.admin_site.CmastAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "knox",
    "csp",
]

MIDDLEWARE = [
    "cmast.middleware.RequestIdMiddleware",
    "cmast.history.context.ChangeContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "cmast.urls"
WSGI_APPLICATION = "cmast.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Data -------------------------------------------------------------------------------------------------------------

DATABASES = {"default": env.db_url("CMAST_DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'cmast.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Without IMMEDIATE and WAL most concurrent writers fail with "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
else:
    # What is read lies in memory or on a disk without a head to move. PostgreSQL's default thinks of one, and would rather sort
    # what an index holds in order already.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("options", "-c random_page_cost=1.1")
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CMAST_DATABASE_CONN_MAX_AGE", default=600)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3"

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Limits -----------------------------------------------------------------------------------------------------------

#: Requests that one caller of the API has in so many seconds.
RATE_QUOTA, RATE_WINDOW = (int(number) for number in env.str("CMAST_RATE_LIMIT", default="1200/60").split("/"))
#: How many proxies of our own stand in front; each adds to X-Forwarded-For whom it heard from.
PROXIES = env.int("CMAST_PROXIES", default=0)
# The cache holds the counters of the limits and nothing that anybody would miss.
CACHES = {"default": env.cache_url("CMAST_CACHE_URL", default="locmemcache://")}
#: Seconds. A Redis that hangs must not be felt; cmast/api/limits.py says what happens then.
REDIS_CACHE_OPTIONS = {"socket_timeout": 0.04, "socket_connect_timeout": 0.04}
_in_redis = CACHES["default"]["BACKEND"] == "django.core.cache.backends.redis.RedisCache"
CACHES["default"]["OPTIONS"] = REDIS_CACHE_OPTIONS if _in_redis else {"MAX_ENTRIES": 10_000}

# --- Language and time ------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "Europe/London"
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = ["cmast.formats"]

# --- Static files -----------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": env.str("CMAST_STATIC_STORAGE", default="whitenoise.storage.CompressedManifestStaticFilesStorage")
    },
}

# --- People and sign-in -----------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "cmast.Person"
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
KNOX_TOKEN_MODEL = "cmast.ApiToken"
REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_TTL": None, "AUTO_REFRESH": False}

# --- API --------------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    # Tokens first: with sessions first a stranger is answered 403 instead of 401.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "cmast.api.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["cmast.api.permissions.IsMember"],
    "DEFAULT_THROTTLE_CLASSES": ["cmast.api.limits.Limit"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "cmast.api.renderers.Negotiation",
    "DEFAULT_PARSER_CLASSES": ["cmast.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["cmast.api.renderers.OrjsonRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["cmast.api.filters.RecordFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "cmast.api.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "cmast.api.schema.RecordSchema",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_VERSIONING_CLASS": None,
    "EXCEPTION_HANDLER": "cmast.api.problems.exception_handler",
    "PAGE_SIZE": 50,
    "COERCE_DECIMAL_TO_STRING": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_PARSER_CLASSES": ["cmast.api.parsers.StrictJSONParser"],
}
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_FORMATTER_CLASS": "cmast.api.problems.ProblemFormatter",
    "NESTED_FIELD_SEPARATOR": "/",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CMAST register",
    "DESCRIPTION": (
        "Programmes, milestones, approvals, risks, benefits and metrics of the Cheshire and Merseyside Acute and "
        "Specialist Trusts. Every figure is a record with its scope, period, as-at date, qualifier and source lines; "
        "what nobody has stated is null. Links between records are their codes; numbers are decimal strings. "
        "Each token has a quota of requests: `RateLimit-Policy` says how many (q) in how many seconds (w), `RateLimit` how "
        "many remain (r) and in how many seconds they are renewed (t)."
    ),
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["cmast.api.permissions.IsMember"],
    "SERVE_AUTHENTICATION": None,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "filter": True, "docExpansion": "none", "tagsSorter": "alpha"},
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_NO_READ_ONLY_REQUIRED": True,
    "PREPROCESSING_HOOKS": ["cmast.api.schema.only_the_api"],
    "POSTPROCESSING_HOOKS": ["cmast.api.schema.name_enumerations", "cmast.api.schema.share_what_repeats"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SORT_OPERATIONS": True,
}

# --- Background work --------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = env.str("CMAST_BROKER_URL", default="filesystem://localhost/")
if CELERY_BROKER_URL.startswith("filesystem"):
    _broker = VAR_DIR / "broker"
    for _folder in ("messages", "processed", "control"):
        (_broker / _folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT = "cmast.folder_broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_broker / "messages"),
        "data_folder_out": str(_broker / "messages"),
        "processed_folder": str(_broker / "processed"),
        "control_folder": str(_broker / "control"),
        "store_processed": False,
    }
else:
    # A hung broker must never hang a request or a worker.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 2, "socket_connect_timeout": 2, "visibility_timeout": 3600}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
#: Seconds between two looks at whether mail is due.
MAIL_EVERY = env.float("CMAST_MAIL_EVERY", default=20)
CELERY_BEAT_SCHEDULE = {
    "heartbeat": {"task": "cmast.tasks.heartbeat", "schedule": 60.0, "options": {"expires": 55}},
    "send-webhooks": {"task": "cmast.tasks.send_webhooks", "schedule": 15.0, "options": {"expires": 14}},
    "plan-reminders": {"task": "cmast.tasks.plan_reminders", "schedule": 600.0, "options": {"expires": 590}},
    "send-mail": {"task": "cmast.tasks.send_mail", "schedule": MAIL_EVERY, "options": {"expires": MAIL_EVERY * 0.95}},
    "run-imports": {"task": "metrics.tasks.run_imports", "schedule": 10.0, "options": {"expires": 9}},
    "refresh-rollups": {"task": "metrics.tasks.refresh_rollups", "schedule": 10.0, "options": {"expires": 9}},
    "refresh-all-rollups": {
        "task": "metrics.tasks.refresh_all_rollups",
        "schedule": crontab(hour=0, minute=10),
        "options": {"expires": 80_000},
    },
    "sweep-expired": {"task": "cmast.tasks.sweep_expired", "schedule": 3600.0, "options": {"expires": 3500}},
    "lift-restrictions": {"task": "cmast.tasks.lift_restrictions", "schedule": 600.0, "options": {"expires": 590}},
    "open-periods": {
        "task": "programmes.tasks.open_periods",
        "schedule": crontab(hour=6, minute=0),
        "options": {"expires": 80_000},
    },
    "check-figures": {
        "task": "metrics.tasks.check_figures",
        "schedule": crontab(hour=5, minute=0),
        "options": {"expires": 80_000},
    },
    "refresh-health": {
        "task": "programmes.tasks.refresh_health",
        "schedule": crontab(hour=5, minute=30),
        "options": {"expires": 80_000},
    },
}

# --- Mail -------------------------------------------------------------------------------------------------------------

EMAIL_CONFIG = env.email_url("CMAST_EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("CMAST_FROM_EMAIL", default="CMAST register <register@cmast.invalid>")
#: Where people reach the register, for links in mail.
PUBLIC_URL = env.str("CMAST_PUBLIC_URL", default="http://localhost:8000").rstrip("/")
#: How mail goes out: smtp, smtp_oauth, notify, or files under var/mail.
_smtp = EMAIL_CONFIG["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"
MAIL_TRANSPORT = env.str("CMAST_MAIL_TRANSPORT", default="smtp" if _smtp else "files")
MAIL_DIR = VAR_DIR / "mail"
# How patient the sender is, in seconds. Leases before and from DATA on; the second is longer than a server is waited for.
MAIL_LEASE = env.float("CMAST_MAIL_LEASE", default=120)
MAIL_DATA_LEASE = env.float("CMAST_MAIL_DATA_LEASE", default=900)
#: To connect, for a command, for the end of the message (RFC 5321: ten minutes).
MAIL_TIMEOUTS = env.list("CMAST_MAIL_TIMEOUTS", cast=float, default=[10, 60, 600])
#: Before each attempt that the receiver asked to put off; after the last one the mail has failed.
MAIL_PAUSES = env.list(
    "CMAST_MAIL_PAUSES", cast=float, default=[0, 60, 300, 900, 3600, 7200, 14400, 28800, 28800, 43200, 43200]
)
#: For which nothing is tried after the first, second, ... failure in a row of the way.
MAIL_BREAKER = env.list("CMAST_MAIL_BREAKER", cast=float, default=[30, 60, 120, 240, 480, 900])
# Exchange Online: an application of the tenant that may send as the mailbox.
OAUTH_TENANT = env.str("CMAST_OAUTH_TENANT", default="")
OAUTH_CLIENT_ID = env.str("CMAST_OAUTH_CLIENT_ID", default="")
OAUTH_CLIENT_SECRET = env.str("CMAST_OAUTH_CLIENT_SECRET", default="")
OAUTH_TOKEN_URL = env.str(
    "CMAST_OAUTH_TOKEN_URL", default=f"https://login.microsoftonline.com/{OAUTH_TENANT}/oauth2/v2.0/token"
)
# GOV.UK Notify: the key of the service and a template with ((subject)) and ((body)).
NOTIFY_API_KEY = env.str("CMAST_NOTIFY_API_KEY", default="")
NOTIFY_TEMPLATE_ID = env.str("CMAST_NOTIFY_TEMPLATE_ID", default="")
NOTIFY_URL = env.str("CMAST_NOTIFY_URL", default="https://api.notifications.service.gov.uk").rstrip("/")

# --- Webhooks ---------------------------------------------------------------------------------------------------------

# Private networks that webhooks may lead to, and over plain http at that. None by default.
WEBHOOK_NETWORKS = [ipaddress.ip_network(text) for text in env.list("CMAST_WEBHOOK_NETWORKS", default=[])]

# --- Security ---------------------------------------------------------------------------------------------------------

# Plain http is for this machine only; anything else sits behind TLS.
HTTPS = env.bool("CMAST_HTTPS", default=not EMBEDDED)
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = env.bool("CMAST_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^health/"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 60 * 60
CSRF_COOKIE_HTTPONLY = False  # the docs page sends it back as a header
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# --- Logging ----------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "cmast.middleware.RequestIdFilter"}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name} request={request_id} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_id"]}},
    "root": {"handlers": ["console"], "level": env.str("CMAST_LOG_LEVEL", default="INFO")},
    "loggers": {"django": {"handlers": ["console"], "level": "INFO", "propagate": False}},
}
