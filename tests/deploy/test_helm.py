"""The chart, through helm, the API server's validation, the pod security standard and the daemon's configuration."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.config.loading import parse_config
from deploy.grafana.boards import BOARDS
from deploy.prometheus_server import RULES
from tests.deploy.tools import CRDS, ROOT, run, tool

CHART = ROOT / "helm/strayline"
GOLDEN = Path(__file__).with_name("golden")
MATRIX: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("matrix.yaml").read_text())
MATRIX |= {name: yaml.safe_load((CHART / f"values-{name}.yaml").read_text()) for name in ("cpu", "gpu")}
SECRETS = {"POD_NAME": "strayline-0", "KAFKA_PASSWORD": "x", "EMBEDDINGS_API_KEY": "y"}
Manifest = dict[str, Any]


def _template(values: Path) -> str:
    done = run(tool("helm"), "template", "release", str(CHART), "--kube-version=1.30", f"--values={values}")
    assert 0 == done.returncode, done.stderr
    return done.stdout


def _manifests(text: str) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(text) if document]


def _pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    for manifest in manifests:
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        if kind == "Pod":
            yield f"{kind}/{name}", manifest["spec"]
        elif kind in {"StatefulSet", "Job", "Deployment"}:
            yield f"{kind}/{name}", manifest["spec"]["template"]["spec"]


def _not_restricted(pod: Manifest) -> list[str]:
    """What of a pod the restricted pod security standard forbids."""
    problems = []
    if any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
        problems.append("host namespaces")
    whole = pod.get("securityContext", {})
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    problems += [f"volume {one['name']}" for one in pod.get("volumes", []) if set(one) - {"name"} - allowed]
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        own = {**whole, **container.get("securityContext", {})}
        holds = {
            "privilege escalation": own.get("allowPrivilegeEscalation") is False,
            "capabilities": "ALL" in own.get("capabilities", {}).get("drop", []),
            "root": own.get("runAsNonRoot") is True and own.get("runAsUser", 1) != 0,
            "seccomp": own.get("seccompProfile", {}).get("type") in {"RuntimeDefault", "Localhost"},
            "privileged": not own.get("privileged"),
            "host ports": not any("hostPort" in port for port in container.get("ports", [])),
        }
        problems += [f"{container['name']}: {what}" for what, held in holds.items() if not held]
    return problems


@pytest.fixture(scope="module", params=MATRIX)
def values(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(request.param) / f"{request.param}.yaml"
    path.write_text(yaml.safe_dump(MATRIX[request.param]))
    return path


@pytest.fixture(scope="module")
def rendered(values: Path) -> str:
    return _template(values)


def test_helm_finds_nothing_to_say(values: Path) -> None:
    """`helm lint --strict` passes with every set of values."""
    done = run(tool("helm"), "lint", "--strict", str(CHART), f"--values={values}")
    assert 0 == done.returncode, done.stdout


def test_the_api_server_would_take_every_manifest(rendered: str, tmp_path: Path) -> None:
    """kubectl-validate, which runs the API server's validation, accepts everything, the operators' types included."""
    validate = tool("kubectl-validate")
    if not CRDS.is_dir():
        pytest.skip("no custom resource definitions here: make check-deploy fetches them")
    (tmp_path / "all.yaml").write_text(rendered)
    done = run(validate, str(tmp_path), "--version=1.30", f"--local-crds={CRDS}", "--output=json")
    assert 0 == done.returncode, done.stdout
    assert {"Success"} == {one["status"] for found in json.loads(done.stdout).values() for one in found}


def test_the_restricted_pod_security_standard_holds(rendered: str) -> None:
    """No pod of the chart asks for what the restricted standard forbids, and every root file system is read-only."""
    for name, pod in _pods(_manifests(rendered)):
        assert [] == _not_restricted(pod), name
        ours = [
            container
            for container in pod["containers"]
            if container["name"] in {"strayline", "topics", "test", "console", "notify"}
        ]
        assert [True] == [container["securityContext"]["readOnlyRootFilesystem"] for container in ours], name


def test_the_daemon_accepts_the_rendered_configuration(rendered: str) -> None:
    """Every config.yaml of the chart is one the daemon starts with, reachable from outside its pod."""
    maps = [one for one in _manifests(rendered) if "config.yaml" in one.get("data", {})]
    assert maps
    for one in maps:
        config = parse_config(one["data"]["config.yaml"], SECRETS)
        name = one["metadata"]["name"]
        hosts = {"console": config.console.host, "notify": config.notify.host}
        assert "0.0.0.0" == hosts.get(name.rpartition("-")[2], config.http.host)


def test_the_console_accepts_its_configuration(tmp_path: Path) -> None:
    """What the chart sets is in effect: users, TLS, the archive on its volume, and the path of probes and ingress."""
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(MATRIX["console-whole"]))
    found = {(one["kind"], one["metadata"]["name"]): one for one in _manifests(_template(values))}
    name = "release-strayline-console"
    console = parse_config(found["ConfigMap", name]["data"]["config.yaml"], SECRETS).console
    (container,) = found["Deployment", name]["spec"]["template"]["spec"]["containers"]
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    files = [console.users, console.archive, console.tls and console.tls.certificate]

    assert ("0.0.0.0", 8443, "/strayline") == (console.host, console.port, console.path)
    assert [] == [file for file in files if str(file and file.parent) not in mounts]
    assert {"path": "/strayline/healthz", "port": "http", "scheme": "HTTPS"} == container["readinessProbe"]["httpGet"]
    assert "/strayline" == found["Ingress", name]["spec"]["rules"][0]["http"]["paths"][0]["path"]
    (scraped,) = found["PodMonitor", name]["spec"]["podMetricsEndpoints"]
    assert ("/strayline/metrics", "https") == (scraped["path"], scraped["scheme"])
    assert {"name": "strayline-scrape", "key": "token"} == scraped["authorization"]["credentials"]


def test_notify_accepts_its_configuration(tmp_path: Path) -> None:
    """Its routes are there, their secrets are mounted, and the probes ask the port that it serves."""
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(MATRIX["notify"]))
    found = {(one["kind"], one["metadata"]["name"]): one for one in _manifests(_template(values))}
    name = "release-strayline-notify"
    notify = parse_config(found["ConfigMap", name]["data"]["config.yaml"], SECRETS).notify
    (container,) = found["Deployment", name]["spec"]["template"]["spec"]["containers"]

    assert (["team", "alertmanager"], 9200) == ([route.name for route in notify.routes], notify.port)
    assert "/etc/strayline-secrets" in [mount["mountPath"] for mount in container["volumeMounts"]]
    assert [9200] == [port["containerPort"] for port in container["ports"]]
    assert ["/metrics"] == [one["path"] for one in found["PodMonitor", name]["spec"]["podMetricsEndpoints"]]


def test_every_object_carries_the_usual_labels(rendered: str) -> None:
    """Name, instance and version are on everything but extra objects, and selectors match their pods."""
    manifests = _manifests(rendered)
    for manifest in manifests:
        if not manifest["metadata"]["name"].endswith("-more"):
            assert {"app.kubernetes.io/name", "app.kubernetes.io/instance"} <= set(manifest["metadata"]["labels"])
    (stateful,) = [one for one in manifests if one["kind"] == "StatefulSet"]
    labels = stateful["spec"]["template"]["metadata"]["labels"]
    selectors = [stateful["spec"]["selector"]["matchLabels"]]
    selectors += [one["spec"]["selector"] for one in manifests if one["kind"] == "Service"]
    for kind in ("PodDisruptionBudget", "PodMonitor"):
        selectors += [one["spec"]["selector"]["matchLabels"] for one in manifests if one["kind"] == kind]
    selectors += [one["spec"]["podSelector"]["matchLabels"] for one in manifests if one["kind"] == "NetworkPolicy"]
    others = [one["spec"]["template"]["metadata"]["labels"] for one in manifests if one["kind"] == "Deployment"]
    chosen = [[selector.items() <= each.items() for each in (labels, *others)] for selector in selectors]
    assert [] == [selector for selector, found in zip(selectors, chosen, strict=True) if sum(found) != 1]


def test_the_rules_and_boards_in_the_chart_are_the_projects(tmp_path: Path) -> None:
    """The PrometheusRule holds every rule, with the site's runbook address; the ConfigMaps hold the boards."""
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(MATRIX["everything"]))
    manifests = _manifests(_template(values))
    (rule,) = [one for one in manifests if one["kind"] == "PrometheusRule"]
    mine = [one for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for one in group["rules"]]
    got = [one for group in rule["spec"]["groups"] for one in group["rules"]]
    assert [one["expr"] for one in mine] == [one["expr"] for one in got]
    urls = {one["annotations"]["runbook_url"] for one in got if "alert" in one}
    assert {"https://runbooks.example/runbook.md"} == {url.partition("#")[0] for url in urls}
    boards = {key: text for one in manifests for key, text in one.get("data", {}).items() if key.endswith(".json")}
    for name in BOARDS:
        assert (ROOT / f"deploy/grafana/{name}.json").read_text() == boards[f"strayline-{name}.json"]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"replicas": 3}, "replicas"),
        ({"image": {"tagg": "1"}}, "tagg"),
        ({"config": {"kafka": {"bootstrap_servers": []}}}, "bootstrap_servers"),
        ({"config": {"http": {"port": 1}}}, "http"),
        ({"config": {"kafka": {"security": {"password": "in-the-clear"}}}}, "password"),
        ({"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}, "not"),
        ({"gpu": {"count": 0}}, "count"),
        ({"console": {"enabled": True}}, "usersSecret"),
        ({"console": {"enabled": True, "usersSecret": "a", "config": {"host": "0.0.0.0"}}}, "config"),
        ({"notify": {"enabled": True}}, "routes"),
        ({"notify": {"enabled": True, "config": {"routes": [{}], "port": 1}}}, "config"),
        ({"console": {"replicas": 2, "persistence": {"enabled": True}}}, "replicas"),
    ],
)
def test_a_wrong_value_is_refused(bad: Manifest, says: str, tmp_path: Path) -> None:
    """Misspelt values, secrets in the clear and contradictions are refused by the schema, which names them."""
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(bad))
    done = run(tool("helm"), "template", "release", str(CHART), "--kube-version=1.30", f"--values={values}")
    assert 0 != done.returncode
    assert says in done.stderr


def test_a_changed_configuration_restarts_the_pods(tmp_path: Path) -> None:
    """The pods' checksum annotation follows the configuration, and nothing else."""
    sums = []
    for changed in ({}, {"config": {"detector": {"warm_up": 5}}}, {"replicaCount": 2}):
        values = tmp_path / "values.yaml"
        values.write_text(yaml.safe_dump(changed))
        (stateful,) = [one for one in _manifests(_template(values)) if one["kind"] == "StatefulSet"]
        sums.append(stateful["spec"]["template"]["metadata"]["annotations"]["checksum/config"])
    assert (True, False) == (sums[0] == sums[2], sums[0] == sums[1])


@pytest.mark.parametrize("name", ["default", "secrets", "gpu"])
def test_the_rendered_chart_is_as_reviewed(name: str, tmp_path: Path) -> None:
    """The chart renders to the golden file; WRITE_GOLDEN=1 writes it again after an intended change."""
    values = tmp_path / "values.yaml"
    slim = {**MATRIX[name], "prometheusRule": {"enabled": False}, "dashboards": {"enabled": False}}
    values.write_text(yaml.safe_dump(slim))
    text = _template(values)
    golden = GOLDEN / f"{name}.yaml"
    if os.environ.get("WRITE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert golden.read_text() == text


def test_the_chart_is_for_this_version() -> None:
    """The chart's appVersion is the package's version."""
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert package == yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]


def test_every_value_is_known_to_the_schema() -> None:
    """values.yaml and values.schema.json name the same values."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    default = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(default) | {"global"} == set(schema["properties"])
