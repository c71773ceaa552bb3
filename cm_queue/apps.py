from django.apps import AppConfig


class CmQueueConfig(AppConfig):
    name = "cm_queue"
