"""The PMO's desk."""

from django.contrib import admin


class RegisterSite(admin.AdminSite):
    """The admin site."""
