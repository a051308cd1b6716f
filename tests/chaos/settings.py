"""The product's settings, with the points at which its processes can be killed."""

from cmast.settings import *

INSTALLED_APPS += ["tests.chaos.points.Points"]
