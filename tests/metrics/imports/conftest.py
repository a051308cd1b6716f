"""What the tests of imports begin with: a metric, a mapping of files to it, somebody who sends one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from cmast.models import Person
from metrics.models import Import, ImportMapping, Metric
from metrics.tasks import run_imports
from tests.factories import MetricFactory
from tests.metrics.imports.files import long


@pytest.fixture
def metric(edition: str) -> Metric:
    made: Metric = MetricFactory.create(key="ae-attendances", name="A&E attendances", unit="patients", direction="neutral")
    return made


@pytest.fixture
def mapping(metric: Metric) -> ImportMapping:
    return long(metric=metric)


@pytest.fixture
def officer(person: Callable[..., Person]) -> Person:
    return person("pmo")


@pytest.fixture
def send(officer: Person) -> Callable[..., Import]:
    """`send(mapping, text)`: a file that has come in and was checked."""

    def sent(mapping: ImportMapping, content: str | bytes, by: Person = officer, **fields: Any) -> Import:
        made = Import(mapping=mapping, **fields)
        data = content.encode() if isinstance(content, str) else content
        made.receive(SimpleUploadedFile("figures.csv", data), by)
        run_imports()
        return Import.objects.get(pk=made.pk)

    return sent
