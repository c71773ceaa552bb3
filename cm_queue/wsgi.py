"""The web server's door."""

import os

from django.core.wsgi import get_wsgi_application

from accounts.collecting import spare_what_is_loaded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cm_queue.settings")
application = get_wsgi_application()
spare_what_is_loaded()
