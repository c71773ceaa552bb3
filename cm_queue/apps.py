from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class CmQueueConfig(AppConfig):
    name = "cm_queue"


class PanelConfig(admin_apps.AdminConfig):
    """Django's admin with our own site: see `panel.py`."""

    # Django takes the one configuration of a module that does not say so for the app's own.
    default = False
    default_site = "cm_queue.panel.Panel"
