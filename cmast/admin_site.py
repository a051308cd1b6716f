"""The admin site of the register, set up as the project's default."""

from django.contrib.admin.apps import AdminConfig


class CmastAdminConfig(AdminConfig):
    default_site = "cmast.desk.site.RegisterSite"
