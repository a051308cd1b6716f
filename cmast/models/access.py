"""A number that moves with everything that decides who may do what."""

from django.db import models


class AccessStamp(models.Model):
    """One row. Triggers move its number whenever a person, a membership, a token or a restriction changes, by whatever path.

    Who keeps in memory what a caller may do compares this number with each request, in the statement that reads the rows.
    """

    ID = 1
    #: Tables that it moves with.
    TABLES = ("cmast_person", "cmast_membership", "cmast_apitoken", "cmast_restriction", "cmast_restriction_named")

    number = models.BigIntegerField(default=1, help_text="Counts the changes.")

    class Meta:
        verbose_name = "access stamp"
        verbose_name_plural = "access stamps"

    def __str__(self) -> str:
        return f"{self.number}"

    @classmethod
    def now(cls) -> int:
        """The present number; 0 where nothing has changed yet."""
        return cls.objects.filter(pk=cls.ID).values_list("number", flat=True).first() or 0
