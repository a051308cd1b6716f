from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CmastConfig(AppConfig):
    name = "cmast"
    verbose_name = "The collaborative"

    def ready(self) -> None:
        from cmast import triggers

        post_migrate.connect(triggers.install, dispatch_uid="cmast.triggers")
