"""The trial with Docker Compose, and the images' recipes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.adapters.web.accounts import Account, Role, read_accounts
from daemon.config.loading import parse_config
from tests.deploy.tools import ROOT, run, tool

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
RECIPES = sorted((DEPLOY / "docker").glob("Dockerfile.*"))


def test_compose_accepts_its_file() -> None:
    """`docker-compose config` takes the file."""
    done = run(tool("docker-compose"), "-f", str(DEPLOY / "compose.yaml"), "config", "--quiet")
    assert (0, "") == (done.returncode, done.stderr)


def test_everything_compose_mounts_is_there() -> None:
    """Every file and folder that a service mounts from the checkout exists."""
    mounts = [mount for service in COMPOSE["services"].values() for mount in service.get("volumes", [])]
    sources = [mount.split(":")[0] for mount in mounts if mount.startswith(".")]
    assert sources
    assert [] == [source for source in sources if not (DEPLOY / source).exists()]


def test_every_image_is_pinned() -> None:
    """No service and no recipe takes whatever is latest."""
    images = [service["image"] for service in COMPOSE["services"].values()]
    images += re.findall(r"^ARG BASE=(.+)$", "\n".join(path.read_text() for path in RECIPES), re.MULTILINE)
    assert len(RECIPES) + len(COMPOSE["services"]) == len(images)
    assert [] == [image for image in images if not re.search(r":v?\d+\.\d+", image)]


def test_the_trials_configuration_is_good() -> None:
    """The daemon accepts the trial's configuration, and is reachable in its container."""
    config = parse_config((DEPLOY / "compose/strayline.yaml").read_text(), {})
    assert ("0.0.0.0", ["kafka:9092"]) == (config.http.host, config.kafka.bootstrap_servers)


def test_the_trials_console_is_reachable_and_closed() -> None:
    """In its container it listens to all, so it has accounts, and they are good."""
    config = parse_config((DEPLOY / "compose/strayline.yaml").read_text(), {})
    accounts = read_accounts(DEPLOY / "compose/users.yaml")

    assert ("0.0.0.0", Path("/etc/strayline/users.yaml")) == (config.console.host, config.console.users)
    assert Account("operator", Role.OPERATOR) == accounts.by_password("operator", "strayline")


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_images_install_only_what_is_pinned(recipe: Path) -> None:
    """Every installation compares hashes, or builds this project alone, with the build's own tools pinned."""
    commands = re.findall(r"pip install (.+?)(?:&&|$)", recipe.read_text().replace("\\\n", ""), re.MULTILINE)
    assert len(commands) > 1
    pinned = ("--require-hashes", "--no-deps --build-constraints requirements/dev.txt .")
    assert [] == [command for command in commands if not any(words in command for words in pinned)]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_images_run_as_nobody_special(recipe: Path) -> None:
    """The last stage has a user of its own, a health check, labels and no model."""
    last = recipe.read_text().split("\nFROM ")[-1]
    for wanted in ("\nUSER 10001:10001\n", "\nHEALTHCHECK ", "org.opencontainers.image.licenses", "\nVOLUME "):
        assert wanted in last
    assert ":latest" not in recipe.read_text()
