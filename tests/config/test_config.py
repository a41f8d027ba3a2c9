"""The configuration: strict, all errors at once, each with its path."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.loading import load_config, parse_config
from daemon.config.schema import Config
from daemon.config.values import parse_duration
from daemon.core.formats import FORMATS
from daemon.errors import ConfigError

ROOT = Path(__file__).parents[2]


def problems(text: str, **environment: str) -> list[str]:
    """Return what is wrong with a configuration."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, environment)
    return caught.value.problems


def test_an_empty_file_is_the_defaults() -> None:
    """Nothing need be said."""
    assert Config() == parse_config("", {})


def test_the_shipped_file_is_the_defaults() -> None:
    """config.yaml lists every default, and says what the code says."""
    assert Config() == load_config(ROOT / "config.yaml", {})


def test_every_format_can_be_chosen() -> None:
    """The configuration takes the names of the core's formats, and no others."""
    assert list(FORMATS) == [parse_config(f"input: {{format: {name}}}", {}).input.format for name in FORMATS]
    assert [f"input.format: 'xml' is not a format; the formats are {', '.join(FORMATS)}, document"] == problems(
        "input: {format: xml}"
    )


def test_all_errors_come_at_once_with_their_paths() -> None:
    """Wrong values, unknown keys and missing variables are told together."""
    text = """
kafka: {group: x, commit_interval: 5 parsecs, session_timeout: "${NOWHERE}"}
sessions: {gap: 10m, max_age: 5m}
detector: {warm_up: -1}
alerts: {budget: 2}
input: {topics: [], fields: {key: record.offset, time: a..b}, extract: ["(?P<user>.)"]}
"""
    found = problems(text)
    for expected in (
        "kafka.group: unknown key; did you mean group_id?",
        "kafka.commit_interval: '5 parsecs' is not a duration",
        "kafka.session_timeout: the environment has no NOWHERE",
        "detector.warm_up: ",
        "alerts.budget: a share of sessions is above 0 and at most 1, not 2",
        "input.topics: ",
        "input.fields.key: 'record.offset' is not record.key, ",
        "input.fields.time: 'a..b' is not a path",
        "input.extract.0: ",
    ):
        assert any(problem.startswith(expected) for problem in found), (expected, found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kafka: [", "config:1:9"),
        ("- a\n- b", "config: a configuration must be a mapping of sections, not a list"),
        ("kafka: {group_id: a}\nkafka: {group_id: b}", "config:2:1: 'kafka' is given twice"),
        ("engine: {type: openai}", "engine: url: type openai needs the server's address"),
        (
            "engine: {type: lite, url: http://x/v1}",
            "engine: url and api_key belong to type openai; lite runs in process",
        ),
        ("engine: {type: lite, options: {a: 1}}", "engine: options: type lite has none"),
        ("sessions: {gap: 10m}", "sessions.gap is longer than sessions.max_age"),
        ("topics: {alerts: logs}", "topics: logs is used twice"),
        ("input: {extract: ['(?P<key>[']}", "input.extract.0: "),
        ("input: {masks: [{name: x, pattern: '(?=a)'}]}", "input.masks.0: pattern: "),
        ("input: {masks: [{name: x, patern: a}]}", "input.masks.0.patern: unknown key"),
        ("input: {masks: [{name: http_5xx, pattern: a}]}", "input.masks.0: name: 'http_5xx' has a digit in it"),
        (
            "kafka: {security: {username: u, password: p}}",
            (
                "kafka.security: username, password and oauth are not used with protocol PLAINTEXT;"
                " set SASL_SSL or SASL_PLAINTEXT"
            ),
        ),
        (
            "kafka: {security: {protocol: SASL_SSL, username: u, password: p, password_file: /x}}",
            "kafka.security: password and password_file: give one of them",
        ),
        (
            "kafka: {security: {ca: /ca.pem}}",
            "kafka.security: ca, certificate and key are not used with protocol PLAINTEXT; set SSL or SASL_SSL",
        ),
        (
            "kafka: {security: {protocol: SASL_SSL, mechanism: OAUTHBEARER}}",
            "kafka.security: OAUTHBEARER needs oauth",
        ),
        (
            "kafka: {security: {protocol: SASL_SSL, mechanism: OAUTHBEARER, oauth: {token_url: 'https://x'}}}",
            "kafka.security.oauth: token_url needs client_id, and client_secret or client_secret_file",
        ),
        ("kafka: {security: {protocol: SASL_SSL}}", "kafka.security: SASL needs both username and password"),
        ("alerts: {budget: 20/hour}", "alerts.budget: '20/hour' is not a budget"),
        ("console: {proxy: {networks: []}}", "console.proxy.networks: List should have at least 1 item"),
        (
            "console: {proxy: {networks: ['::1', proxy.example]}}",
            "console.proxy.networks.1: 'proxy.example' is not an address or a network",
        ),
        ("console: {proxy: {networks: [10.0.0.1/8]}}", "console.proxy.networks.0: '10.0.0.1/8' has bits behind its"),
    ],
)
def test_what_is_wrong_is_named(text: str, expected: str) -> None:
    """Each mistake is told with its place."""
    assert any(problem.startswith(expected) for problem in problems(text)), problems(text)


def test_variables_come_from_the_environment_or_their_default() -> None:
    """`${NAME}` and `${NAME:-default}` stand anywhere in a value."""
    text = "kafka: {bootstrap_servers: ['${HOST}:${PORT:-9092}'], group_id: '${GROUP:-}x'}"
    config = parse_config(text, {"HOST": "broker"})
    assert (["broker:9092"], "x") == (config.kafka.bootstrap_servers, config.kafka.group_id)


def test_secrets_are_not_shown() -> None:
    """A password does not appear in the configuration's representation, nor does it change the fingerprint."""
    text = "kafka: {security: {protocol: SASL_SSL, username: u, password: '${P}'}}"
    config = parse_config(text, {"P": "hunter2-secret"})
    assert "hunter2" not in repr(config)
    assert config.fingerprint() == parse_config(text, {"P": "other"}).fingerprint()


def test_the_fingerprint_tells_what_shapes_verdicts() -> None:
    """Another gap is another configuration; another port is not."""
    one = parse_config("", {}).fingerprint()
    assert one == parse_config("http: {port: 1}", {}).fingerprint()
    assert one == parse_config("detector: {cold_after: 5h}", {}).fingerprint()
    assert one != parse_config("sessions: {gap: 29s}", {}).fingerprint()


@given(st.integers(1, 10**6), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_durations_are_exact(number: int, unit: str) -> None:
    """A whole number of any unit is that many microseconds."""
    size = {"ms": 1_000, "s": 10**6, "m": 6 * 10**7, "h": 36 * 10**8, "d": 864 * 10**8}[unit]
    assert number * size == parse_duration(f"{number}{unit}")


@pytest.mark.parametrize("value", ["", "5", 5, "-5s", "5 s m", "0s", None])
def test_what_is_no_duration_is_refused(value: object) -> None:
    """A bare number has no unit, and nothing lasts no time."""
    with pytest.raises(ValueError, match="duration"):
        parse_duration(value)


@pytest.mark.parametrize(("text", "share", "rate"), [("0.02", 0.02, None), ("1", 1.0, None), ("20/day", None, 20.0)])
def test_a_budget_is_a_share_or_a_rate(text: str, share: float | None, rate: float | None) -> None:
    """Both ways of saying what is affordable are understood."""
    alerts = parse_config(f"alerts: {{budget: {text}}}", {}).alerts
    assert (share, rate) == (alerts.share, alerts.per_day)


def test_a_table_of_vectors_has_a_default_of_its_own() -> None:
    """Type lite without a model is the packaged one; a model that is named stays."""
    assert "wordllama" == parse_config("engine: {type: lite}", {}).engine.model
    assert "/models/x" == parse_config("engine: {type: lite, model: /models/x}", {}).engine.model


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)
MERGED = "a0: &a0 {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1, j: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("? [a, b]\n: 1\n", "cannot be read"),
        ("input: " + "[" * 3000, "nested too deeply"),
        ("input: &a\n  masks: *a\n", "aliases of aliases"),
        (LAUGHS, "aliases of aliases"),
        (MERGED, "aliases of aliases"),
        ("a: [" + "1," * 200_000 + "]\n", "holds more than 100,000 values"),
        ("a: \x00\n", "special characters are not allowed"),
        ("kafka: 2020-99-99\n", "month must be in 1..12"),
        ("a: !!int xyz\n", "cannot be read"),
        ("a: !!timestamp foo\n", "cannot be read"),
        ("http: {port: " + "9" * 5000 + "}\n", "cannot be read"),
        ("sessions: {gap: " + "9" * 400 + "d}\n", "at most 146,000 years"),
    ],
)
def test_strange_shapes_are_sentences(text: str, said: str) -> None:
    """What no configuration looks like is refused with a sentence, soon and in little memory."""
    with pytest.raises(ConfigError, match=said):
        parse_config(text, {})


@pytest.mark.parametrize("nested", ["${A:-${B:-x}}", "a ${A:-b${C}} c", "${A:-" * 10_000])
def test_a_default_holds_no_other_variable(nested: str) -> None:
    """It says so, rather than to leave braces behind; ten thousand of them take no longer than to read them."""
    with pytest.raises(ConfigError) as refused:
        parse_config(f"kafka: {{group_id: '{nested}'}}", {"A": "set"})
    assert ["kafka.group_id: the default of ${A:-…} holds another ${…}; write a text there"] == refused.value.problems
    assert "a$b-c" == parse_config("kafka: {group_id: '${A:-a$b}${B:--c}'}", {}).kafka.group_id


def test_schemas_are_named_by_numbers_as_they_are_written() -> None:
    """An id needs no quotes, as the documentation has it."""
    schemas = parse_config(
        "input: {format: avro, schemas: {17: pay.avsc, '18': b.avsc, any: log.avsc}}", {}
    ).input.schemas
    assert {"17": "pay.avsc", "18": "b.avsc", "any": "log.avsc"} == {name: str(path) for name, path in schemas.items()}


def test_merge_keys_are_yaml() -> None:
    """A mapping may take the keys of another one, as YAML has it; its own keys go first."""
    text = "sessions: &s {gap: 5s, max_age: 60s}\nkafka: {}\ndetector:\n  <<: {warm_up: 7, mass: 0.1}\n  mass: 0.2\n"
    config = parse_config(text, {})
    assert (7, 0.2) == (config.detector.warm_up, config.detector.mass)


def test_no_error_shows_what_came_from_the_environment() -> None:
    """A secret in the wrong place is named by its variable."""
    text = "sessions: {gap: '${WORD}'}\nalerts: {budget: 'x${WORD}'}\n"
    with pytest.raises(ConfigError) as refused:
        parse_config(text, {"WORD": "hunter2hunter2"})
    assert "hunter2" not in str(refused.value)
    assert "sessions.gap: ${WORD} is not a duration" in str(refused.value)


@pytest.mark.parametrize("section", ["http", "console", "serve"])
def test_a_port_without_an_address_is_refused(section: str) -> None:
    """An empty host would listen on every address."""
    with pytest.raises(ConfigError, match=rf"{section}\.host"):
        parse_config(f"input: {{topics: [a]}}\nkafka: {{bootstrap_servers: k}}\n{section}: {{host: ''}}", {})
