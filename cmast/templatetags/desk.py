"""Words for the templates of the desk."""

from django import template

from cmast.desk.columns import label

register = template.Library()
register.filter("label", label)
