"""The deployment's files fit the project: every command, variable, port and file that they name is there."""

import json
import re
from importlib.metadata import entry_points

import pytest
from django.core.management import get_commands
from django.utils.module_loading import import_string

from tests.deployment.compose import COMPOSE, OWN, ROOT, SERVICES, option

pytestmark = pytest.mark.either_database

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
SETTINGS = (ROOT / "cmast" / "settings.py").read_text()
ENV_EXAMPLE = (ROOT / ".env.example").read_text()

READ_BY_SETTINGS = set(re.findall(r'env\.\w+\(\s*"(CMAST_\w+)"', SETTINGS))
LISTED = set(re.findall(r"^#?([A-Z_]+)=", ENV_EXAMPLE, re.MULTILINE))
INTERPOLATED = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", COMPOSE_TEXT))
GIVEN = set(COMPOSE["x-app"]["environment"])
SECRETS = {"CMAST_SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD"}
#: Variables of the composition itself, not of the product.
OF_COMPOSE = {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "CMAST_PORT", "MAIL_PORT", "GUNICORN_CMD_ARGS"}


def test_the_example_lists_every_variable_that_the_settings_read_and_no_other() -> None:
    assert LISTED - OF_COMPOSE == READ_BY_SETTINGS


def test_every_variable_of_the_example_is_explained() -> None:
    lines = ENV_EXAMPLE.splitlines()
    for name in LISTED:
        above = next(i for i, line in enumerate(lines) if re.match(rf"#?{name}=", line)) - 1
        assert lines[above].startswith("# "), name


def test_the_composition_gives_only_variables_that_somebody_reads() -> None:
    assert GIVEN - OF_COMPOSE <= READ_BY_SETTINGS
    assert INTERPOLATED <= LISTED
    assert LISTED >= OF_COMPOSE


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_secrets_come_from_the_environment_and_must_be_given(name: str) -> None:
    uses = re.findall(rf"\$\{{{name}(.*?)\}}", COMPOSE_TEXT)
    assert uses
    assert all(use.startswith(":?") for use in uses)
    assert re.search(rf"^{name}=$", ENV_EXAMPLE, re.MULTILINE)
    assert name not in DOCKERFILE


def test_the_image_holds_nothing_but_the_product() -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE)
    let_in = (ROOT / ".dockerignore").read_text()
    assert all((ROOT / path).exists() for path in copied)
    assert set(re.findall(r"^!(\S+)", let_in, re.MULTILINE)) == set(copied)
    assert re.search(r"^\*$", let_in, re.MULTILINE)


def test_the_image_installs_by_hash_and_runs_as_an_ordinary_user() -> None:
    assert "pip install --require-hashes -r requirements/production.txt" in DOCKERFILE
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    user = re.findall(r"^USER (\S+)$", last_stage, re.MULTILINE)
    assert user == ["cmast"]
    assert re.search(r"^HEALTHCHECK ", last_stage, re.MULTILINE)
    assert not any("user" in service or service.get("privileged") for service in SERVICES.values())


@pytest.mark.parametrize("name", OWN)
def test_every_command_exists_in_the_project(name: str) -> None:
    program, *arguments = SERVICES[name]["command"]
    if program == "python":
        assert (ROOT / arguments[0]).exists()
        assert arguments[1] in get_commands()
        return
    (script,) = entry_points(group="console_scripts", name=program)
    assert script.dist is not None
    assert f"\n{script.dist.name.lower()}==" in (ROOT / "requirements" / "production.txt").read_text()
    if program == "gunicorn":
        assert import_string(f"{arguments[0]}.application")
    if program == "celery":
        assert import_string(f"{option(arguments, 'app')}.celery.app")
        assert {"worker", "beat"} & set(arguments)


def test_the_image_starts_the_same_web_process_as_the_composition() -> None:
    by_default = json.loads(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[0])
    assert by_default == SERVICES["web"]["command"]


def test_ports_agree() -> None:
    bound = option(SERVICES["web"]["command"], "bind").rpartition(":")[2]
    assert SERVICES["web"]["expose"] == [bound]
    assert f"EXPOSE {bound}\n" in DOCKERFILE
    assert f"http://web:{bound};" in COMPOSE["configs"]["proxy"]["content"]
    assert f":{bound}/health/ready/" in str(SERVICES["web"]["healthcheck"]["test"])
    assert f":{bound}/health/live/" in DOCKERFILE
    environment = COMPOSE["x-app"]["environment"]
    assert "@db:5432/" in environment["CMAST_DATABASE_URL"]
    assert "--port=5432" in SERVICES["db"]["healthcheck"]["test"]
    assert "@redis:6379/" in environment["CMAST_BROKER_URL"]
    assert "--port 6379 " in SERVICES["redis"]["command"][-1]
    assert "://mail:1025}" in environment["CMAST_EMAIL_URL"]
    assert SERVICES["mail"]["expose"] == ["1025"]


def test_only_the_proxy_and_the_mail_page_are_reachable_and_only_from_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"proxy", "mail"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


@pytest.mark.parametrize("name", ["web", "worker"])
def test_web_and_worker_can_be_scaled(name: str) -> None:
    assert not {"container_name", "ports", "hostname", "volumes"} & set(SERVICES[name])


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_that_stays_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    if name == "migrate":  # runs once; the others wait until it has ended well
        assert check == {"disable": True}
        assert all(
            SERVICES[other]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
            for other in OWN
            if other != name
        )
    else:
        assert check["test"]


def test_services_wait_for_services_that_exist() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
