from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.module_loading import autodiscover_modules


class CmastConfig(AppConfig):
    name = "cmast"
    verbose_name = "The collaborative"

    def ready(self) -> None:
        from cmast import word_checks
        from cmast.history import triggers

        # What is due is said by the apps; each brings a module of this name.
        autodiscover_modules("reminders")

        # Once per run of `migrate`, before its first and after its last migration.
        pre_migrate.connect(triggers.remove, sender=self, dispatch_uid="cmast.history.remove")
        post_migrate.connect(triggers.install, sender=self, dispatch_uid="cmast.history.install")
        post_migrate.connect(word_checks.move_checks, sender=self, dispatch_uid="cmast.word_checks.move_checks")
        autodiscover_modules("answering")  # each app's: what can be answered from an e-mail
        autodiscover_modules("calendars")  # and what stands in calendars
