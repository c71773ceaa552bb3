"""Settings: one file, driven by the environment (`.env.example` lists every variable)."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import quote

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from cm_queue import embedded
from cm_queue.environment import Environment, KeyFiles, apps_of, host_of, in_brackets, is_loopback, is_public
from cm_queue.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()

# --- Where things live -------------------------------------------------------------------------
DATA_DIR = env.folder("CMQ_DATA_DIR", BASE_DIR / "var")
DEBUG = env.flag("DEBUG")
DEMO = env.flag("DEMO")
HOST = env.host("HOST", "127.0.0.1")
PORT = env.number("PORT", 8000, 1, 65535)
DEMO_NETWORK_PORT = env.number("DEMO_NETWORK_PORT", PORT + 1 if PORT < 65535 else PORT - 1, 1, 65535)
if DEMO and not is_loopback(HOST):
    raise ImproperlyConfigured(
        "DEMO: the demonstration signs anybody in, so HOST must be a loopback address."
    )
DEMO_NETWORK_URL = f"http://127.0.0.1:{DEMO_NETWORK_PORT}"
BASE_URL = env.origin("BASE_URL", f"http://{'localhost' if is_loopback(HOST) else in_brackets(HOST)}:{PORT}")
# Where networks that fetch pictures by themselves find them; empty when this machine is nowhere in public.
PUBLIC_URL = env.origin("PUBLIC_URL", BASE_URL)
if not env.text("PUBLIC_URL") and not is_public(host_of(BASE_URL)):
    PUBLIC_URL = ""

# --- Database -----------------------------------------------------------------------------------
_database = env.database("DATABASE_URL", f"sqlite:///{quote(str(DATA_DIR / 'cm_queue.sqlite3'))}")
IS_SQLITE = _database["ENGINE"].endswith("sqlite3")
CONN_MAX_AGE = env.number("CONN_MAX_AGE", 60, 0, 86400)
TRANSACTION_IDLE_S = env.number("TRANSACTION_IDLE_S", 30, 1, 3600)
if IS_SQLITE:
    DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    _database["OPTIONS"] = {
        # Django drops select_for_update silently on SQLite: every transaction takes the one
        # writer's place at its beginning instead (docs/decisions/locks.md).
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
            # Without it INSERT OR REPLACE walks around the journal's triggers.
            "PRAGMA recursive_triggers=ON; PRAGMA busy_timeout=30000; PRAGMA cache_size=-20000;"
        ),
    }
else:
    _database["CONN_MAX_AGE"] = CONN_MAX_AGE
    _database["CONN_HEALTH_CHECKS"] = True
    _options = _database.setdefault("OPTIONS", {})
    _options.setdefault("connect_timeout", 5)
    # A process that stands still in the middle of a transaction, or is cut off, keeps its locks, and whoever stops a
    # brand waits for them: the server ends it. What the address says comes last, and so counts.
    _idle = f"-c idle_in_transaction_session_timeout={TRANSACTION_IDLE_S}s"
    _options["options"] = f"{_idle} {_options.get('options', '')}".strip()
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Keys -----------------------------------------------------------------------------------------
_key_files = KeyFiles(DATA_DIR)
_may_make_keys = IS_SQLITE
SECRET_KEY = env.text("SECRET_KEY")
ENCRYPTION_KEYS = env.keys("ENCRYPTION_KEYS")
for _name, _value in (("SECRET_KEY", SECRET_KEY), ("ENCRYPTION_KEYS", ENCRYPTION_KEYS)):
    if not _value and not _may_make_keys:
        raise ImproperlyConfigured(
            f"{_name}: set it. With PostgreSQL several machines may share one database, and a key "
            "made on one of them would be unknown to the others."
        )
SECRET_KEY = SECRET_KEY or _key_files.secret_key()
ENCRYPTION_KEYS = ENCRYPTION_KEYS or _key_files.encryption_keys()

# --- Redis or Valkey: without an address, the one that `manage.py up` starts on the data folder ----
REDIS_IS_OURS = not env.text("REDIS_URL")
REDIS_URL = env.redis("REDIS_URL", embedded.url(DATA_DIR))
RQ_QUEUES = {
    "publish": {"URL": REDIS_URL, "DEFAULT_TIMEOUT": 120},
    "default": {"URL": REDIS_URL, "DEFAULT_TIMEOUT": 600},
}
RQ_SHOW_ADMIN_LINK = False

# --- The web ------------------------------------------------------------------------------------
HTTPS = BASE_URL.startswith("https://")
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", f"localhost,127.0.0.1,[::1],{host_of(BASE_URL)}")
if PUBLIC_URL and "*" not in ALLOWED_HOSTS and host_of(PUBLIC_URL) not in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append(host_of(PUBLIC_URL))
if "*" in ALLOWED_HOSTS and not DEBUG:
    raise ImproperlyConfigured("ALLOWED_HOSTS: '*' is accepted with DEBUG=1 only.")
CSRF_TRUSTED_ORIGINS = [BASE_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_SSL_REDIRECT = False
if env.flag("BEHIND_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
MEDIA_MAX_BYTES = env.number("MEDIA_MAX_MB", 20, 1, 500) * 1024 * 1024
MEDIA_MAX_PIXELS = 50_000_000
ALLOW_PRIVATE_HOSTS = env.private_hosts("ALLOW_PRIVATE_HOSTS")
if DEMO and isinstance(ALLOW_PRIVATE_HOSTS, frozenset):
    # The demonstration network is on this machine, and nothing else there is opened by it.
    ALLOW_PRIVATE_HOSTS |= {f"{host}:{DEMO_NETWORK_PORT}" for host in ("127.0.0.1", "localhost")}
USER_AGENT = "CM-Queue/0.1 (+https://github.com/cm-queue)"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- Applications: an arrow in docs/ says who may import whom ----------------------------------
INSTALLED_APPS = [
    "cm_queue",
    "publishing",
    "approvals",
    "posts",
    "journal",
    "accounts",
    "cm_queue.apps.PanelConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "django_rq",
    "django_structlog",
    "template_partials",
    "ninja",
]
MIDDLEWARE = [
    "cm_queue.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.PersonMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
]
ROOT_URLCONF = "cm_queue.urls"
WSGI_APPLICATION = "cm_queue.wsgi.application"
ASGI_APPLICATION = "cm_queue.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "cm_queue.desk.context.house",
            ],
            "builtins": ["cm_queue.templatetags.house"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
STATIC_URL = "/static/"
STATIC_ROOT = env.folder("STATIC_ROOT", DATA_DIR / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
MEDIA_ROOT = DATA_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
_IN_MEMORY = "django.core.cache.backends.locmem.LocMemCache"
CACHES = {
    "default": {"BACKEND": _IN_MEMORY},
    # Drawn parts of pages: apart, so that they never push out what counts attempts to sign in.
    "pages": {"BACKEND": _IN_MEMORY, "LOCATION": "pages", "OPTIONS": {"MAX_ENTRIES": 500}},
}

# --- Signing in -----------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "desk"
ACCOUNT_ADAPTER = "accounts.adapters.InvitedOnly"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "add_webauthn": "cm_queue.desk.signing_in.AddPasskey",
    "edit_webauthn": "cm_queue.desk.signing_in.RenamePasskey",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG or DEMO
MFA_TOTP_ISSUER = "CM Queue"

# --- Mail -------------------------------------------------------------------------------------------
globals().update(
    env.email("EMAIL_URL", f"filemail://{quote(str(DATA_DIR / 'mail'))}" if DEMO else "consolemail://")
)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("DEFAULT_FROM_EMAIL") or "CM Queue <queue@localhost>"
EMAIL_TIMEOUT = 10

# --- Language and time -------------------------------------------------------------------------
LANGUAGES = [("fr", _("French")), ("en", _("English"))]
LANGUAGE_CODE = env.choice("LANGUAGE_CODE", "fr", ("fr", "en"))
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["cm_queue.formats"]
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"

# --- A Mastodon account for the demonstration, beside its own network ------------------------------
DEMO_MASTODON_URL = env.origin("DEMO_MASTODON_URL", "") if env.text("DEMO_MASTODON_URL") else ""
DEMO_MASTODON_TOKEN = env.text("DEMO_MASTODON_TOKEN")

# --- Signing in at networks: what they know this installation by (docs/decisions/signing-in.md) -----
_meta = {"META_APP_ID": env.text("META_APP_ID"), "META_APP_SECRET": env.text("META_APP_SECRET")}
NETWORK_APPS = apps_of(
    {
        "x": {"X_CLIENT_ID": env.text("X_CLIENT_ID"), "X_CLIENT_SECRET": env.text("X_CLIENT_SECRET")},
        "linkedin": {
            "LINKEDIN_CLIENT_ID": env.text("LINKEDIN_CLIENT_ID"),
            "LINKEDIN_CLIENT_SECRET": env.text("LINKEDIN_CLIENT_SECRET"),
        },
        "facebook": _meta,
        "instagram": _meta,
        "threads": {
            "THREADS_APP_ID": env.text("THREADS_APP_ID"),
            "THREADS_APP_SECRET": env.text("THREADS_APP_SECRET"),
        },
    }
)

# --- How many processes `manage.py up` starts ------------------------------------------------------
WEB_WORKERS = env.number("WEB_WORKERS", 2, 1, 64)
WEB_THREADS = env.number("WEB_THREADS", 4, 1, 64)
PUBLISH_WORKERS = env.number("PUBLISH_WORKERS", 2, 1, 64)

# --- The release engine ---------------------------------------------------------------------------
PUBLISH_THREADS = env.number("PUBLISH_THREADS", 4, 1, 64)
PUBLISH_SLACK = env.number("PUBLISH_SLACK", 48, 0, 64)
METRICS_PORT = env.number("METRICS_PORT", 0, 0, 65535)
PUBLISH_TIMEOUT_S = env.number("PUBLISH_TIMEOUT_S", 20, 1, 25)
PUBLISH_LEASE_S = env.number("PUBLISH_LEASE_S", 90, 4, 3600)
RECONCILE_WAIT_S = env.number("RECONCILE_WAIT_S", 60, 1, 600)
# A publication is over within four time-outs of its first request (adapters/http.py). Nothing may still be on
# its way when its lease runs out and somebody else looks after it: what has not begun so many seconds after
# it was committed is given back.
PUBLISH_BEGIN_WITHIN_S = PUBLISH_LEASE_S - 4 * PUBLISH_TIMEOUT_S
if PUBLISH_BEGIN_WITHIN_S < 5:
    raise ImproperlyConfigured(
        f"PUBLISH_LEASE_S: expected at least four times PUBLISH_TIMEOUT_S and five seconds more "
        f"({4 * PUBLISH_TIMEOUT_S + 5}), got {PUBLISH_LEASE_S}."
    )

# --- Saying what happens ----------------------------------------------------------------------
LOGGING_CONFIG = None
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.choice("LOG_FORMAT", "text" if sys.stderr.isatty() or DEMO else "json", ("text", "json"))
logging_config(LOG_LEVEL, LOG_FORMAT)
SILENCED_SYSTEM_CHECKS: list[str] = []
