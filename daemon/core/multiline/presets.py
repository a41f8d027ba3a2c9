r"""The rules by language.

Most lines of a printed exception are indented; the presets add those that are not. A line that names an exception and
stands alone (`java.lang.IllegalStateException: ...`, `Traceback ...`) goes on with the line before it, which is the one
that logged it, unless the level of that one is harmless (`calm`): then something else printed the trace, and it begins
an event of its own. `#011` is the tab as rsyslog writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from daemon.core.multiline.rules import CALM, INDENTED, Rule, Rules

_GO_ON = Rule(INDENTED, r"^(?:[ \t]+|#011)\S")
_HARMLESS = (CALM,)

_SUFFIX = r"(?:Exception|Error|Throwable|Failure|Fault|Timeout|Warning|Interrupt|Exit|Death|Panic)"

_JAVA = (
    Rule("cause", r"^(?:Caused by|Suppressed|Wrapped by|Nested exception|\[CIRCULAR REFERENCE):?\s"),
    Rule("more", r"^\.\.\. \d+ (?:more|common frames omitted|lines matching)"),
    Rule("frame", r"^at (?:[\w$.<>/@-]+)\(.*\)"),
    Rule("header", rf"^(?:[a-z_][\w$]*\.)+[A-Z][\w$.]*{_SUFFIX}\d*(?::.*|\s*$)", unless=_HARMLESS),
    Rule("jul", r"^\w{3} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d\s?[AP]M ", goes_on=False),
    Rule("jul_level", r"^(?:SEVERE|WARNING|INFO|CONFIG|FINE|FINER|FINEST): ", after=("jul",)),
)
_PYTHON = (
    Rule("trace", r"^Traceback \(most recent call last\):", unless=(*_HARMLESS, "final")),
    Rule("link", r"^(?:During handling of the above exception, another|The above exception was the direct cause)"),
    Rule("trace", r"^Traceback \(most recent call last\):", after=("link",)),
    Rule("frame", r'^[ \t]+(?:File ".*", line \d+|[~^]+[ ]*$)', goes_on=False),
    Rule(
        "final",
        r"^(?:[A-Za-z_]\w*\.)*(?:[A-Z]\w*[a-z]\w*|[A-Za-z_]\w*\.[A-Za-z_]\w*)(?::\s.*|:?\s*$)",
        after=("trace", "frame"),
        but=r"^(?i:trace|debug|info|notice|warn|warning|error|critical|fatal)\b",
    ),
    Rule(
        "detail",
        r"^(?:\(Background on this error at: |\[SQL: |\[parameters: |(?:LINE [0-9]+|DETAIL|HINT|CONTEXT): )",
        after=("final", "detail"),
    ),
    Rule("validation", r"\bvalidation errors? for \S+\s*$", goes_on=False),
    Rule("field", r"^[A-Za-z_][\w.\[\]-]*\s*$", after=("validation", "field")),
)
_GO = (
    Rule("goroutine", r"^goroutine \d+ .*\[.*\]:?\s*$"),
    Rule("signal", r"^\[(?:signal |recovered|originating from goroutine)|^(?:PC=0x|sigcode|SIG[A-Z]+: )"),
    Rule("path", r"^[ \t]+\S.*\.(?:go|s|c|cgo1\.go):\d+", goes_on=False),
    Rule("call", r"^[\w.%/*()\[\]·{}-]+\(.*\)(?: in goroutine \d+)?\s*$", after=("goroutine", "path", "call")),
    Rule("created", r"^created by \S"),
    Rule("register", r"^[a-z]{1,6}\d{0,2}\s+0x[0-9a-f]+\s*$", after=("path", "register", "goroutine")),
    Rule("elided", r"^\.\.\.\s?\d* ?(?:additional )?(?:frames|stack frames)"),
    Rule("ruler", r"^={18}\s*$", after=("access",)),
    Rule("race", r"^WARNING: DATA RACE\s*$", after=("ruler",)),
    Rule("access", r"^(?:Read|Write|Previous (?:read|write)|Goroutine) .*:\s*$", after=("race", "access")),
    Rule("exit", r"^exit status \d+\s*$", after=("path", "created", "signal")),
)
_RUBY = (
    Rule("frame", r"^(?:from )?\S+:\d+:in [`'][^']*'?'\s*$"),
    Rule(
        "header",
        rf"^(?:[A-Z]\w*::)*[A-Z]\w*{_SUFFIX} \(.+\):?\s*$|^(?:[A-Z]\w*::)+[A-Z]\w* \(.+\):\s*$",
        unless=_HARMLESS,
    ),
    Rule("header", rf"^(?:[A-Z]\w*::)*[A-Z]\w*{_SUFFIX}(?::\s.*|\s*$)", unless=_HARMLESS),
    Rule(
        "uncaught",
        r"^\S+:[0-9]+:in [`'].*': .* \((?:[A-Z]\w*::)*[A-Z]\w*\)\s*$",
        unless=(*_HARMLESS, INDENTED, "uncaught"),
    ),
    Rule("cause", r"^(?:Causes?|Caused by):(?:\s|$)"),
    Rule(
        "plain_frame",
        r"^(?:app|lib|config|spec|test|bin)/\S+\.(?:rb|erb|haml|slim|rake):\d+(?::|$)",
        after=("header", "frame"),
    ),
)
_DOTNET = (
    Rule("inner", r"^(?:---> |<---|--- End of )"),
    Rule("frame", r"^at [\w.<>`\[\],+|]+\(.*\)"),
    Rule(
        "header",
        r"^(?:[A-Z]\w*\.)+[A-Z]\w*(?:Exception|Error)(?:\s\(.*?\))?(?::.*|\s*$)|^[A-Z]\w*Exception(?:\s\(\w+\))?: ",
        unless=_HARMLESS,
    ),
    Rule("sql", r"^(?:ClientConnectionId|Error Number|Routing Destination|Inner exception)[ :]"),
)
_NODE = (
    Rule("header", r"^(?:Uncaught )?(?:[A-Z]\w*)?(?:Error|Exception)(?: \[\w+\])?(?::\s.*|\s*$)", unless=_HARMLESS),
    Rule("brace", r"^\}\s*$", after=(INDENTED,)),
    Rule("cause", r"^(?:\[cause\]|Caused by):\s"),
    Rule("end", r"^(?:Node\.js v[0-9]|\(Use `node --trace-)", after=(INDENTED, "brace")),
)
_PHP = (
    Rule("stack", r"^(?:Stack trace:|\[stacktrace\])\s*$"),
    Rule("frame", r"^#\d+ "),
    Rule("next", r"^(?:Next \S+: |\[previous exception\] )", after=("frame",)),
    Rule("thrown", r'^(?:thrown in .* on line \d+|"\}\s*)$', after=("frame",)),
)
_RUST = (
    Rule("panic", r"^thread '.*' (?:\(\d+\) )?panicked at .*:\s*$", goes_on=False),
    Rule("message", r"\S", after=("panic",)),
    Rule(
        "backtrace",
        r"^(?:[Ss]tack backtrace:|note: (?:run with|Some details are omitted)|Caused by:|Location:|Backtrace:)",
    ),
)

PRESETS: Mapping[str, tuple[Rule, ...]] = {
    "java": _JAVA,
    "python": _PYTHON,
    "go": _GO,
    "ruby": _RUBY,
    "dotnet": _DOTNET,
    "node": _NODE,
    "php": _PHP,
    "rust": _RUST,
    "indentation": (),
}
"""The names that `input.multiline.preset` may have. Indented lines go on in all of them."""


def make_rules(presets: Sequence[str], starts: str | None = None, continues: str | None = None) -> Rules:
    """Return the rules of some presets, and of the user's patterns.

    A line that matches `starts` always begins an event; where only `starts` is given, every other line goes on.
    """
    rules = [] if continues is None else [Rule("own", continues)]
    if presets:
        rules.append(_GO_ON)
    for preset in presets:
        rules += [_named(rule, preset) for rule in PRESETS[preset]]
    return Rules(rules, [] if starts is None else [starts], others_go_on=not rules)


def _named(rule: Rule, preset: str) -> Rule:
    """Return the rule with the preset's name in front of its names; names that all presets share stay."""

    def own(name: str) -> str:
        return name if name in {INDENTED, CALM} else f"{preset}.{name}"

    after = None if rule.after is None else tuple(map(own, rule.after))
    return replace(rule, name=own(rule.name), after=after, unless=tuple(map(own, rule.unless)))
