"""Words that would name a failure, where the line says that there is none, or names a thing, an option or a setting.

Each pattern is a kind, not a line: what is denied or counted as zero, a property (``error-free``), a noun for what
deals with failures (``error handler``), an option (``--fail-fast``), a setting (``on-error=continue``) or a file
(``error.log``).

Lines are of strangers, and Python's engine backtracks: a run of characters is read once, from its beginning and without
giving any of it back, or has a bound.
"""

from __future__ import annotations

import re

from daemon.core.masking import COUNTED_FAILURES, COUNTED_THINGS

_COUNTED = rf"(?:{COUNTED_FAILURES})"
_NOTHING = r"(?:null|nil|<nil>|none|undefined|false|no|ok|success|n/a|\[\]|\{\}|\"\"|''|<ZERO>)"
_END = r"(?=\.?$|[,;&|)}\]\"']|\s[\w.-]+=|\s[\w ]{1,20}[:=])"
_SEP = r"[ _.-]"
_SWITCH = (
    r"(?:true|false|on|off|yes|no|continue|ignore|skip|stop|retry|drop|warn|enabled?|disabled?|never|always"
    r"|<NUM>|<PATH>)(?!\w)"
)
_DENIED = (
    r"\b(?:no|non|not|without(?: any)?|zero|never|none|nothing|no longer)[ _-]+"
    rf"(?:(?:new|more|other|known)[ _-])?(?:{_COUNTED}|fail\w*|critical|fatal|severe|unexpected|corrupt\w*)\b"
)
_ZERO = (
    rf"<ZERO>%? {COUNTED_THINGS}{_COUNTED}\b(?![\"']?\s?[=:])",
    rf"\b(?:{_COUNTED}|err)(?:[ _-](?:count|total|rate|size|tuples))?[\"']?\s?[=:]\s?[\"']?{_NOTHING}{_END}",
)
_LIMIT = (
    r"\btimeout[\"']?\s?[=:]\s?[\"']?<[A-Z]",
    r"\btimeout (?:is |was )?(?:set|configured|changed)\b",
)
_PROPERTY = r"\b(?:errors?|fail(?:ure)?s?|exceptions?|fault)-free\b|\bfail-?(?:safe|fast|(?:2|<NUM>)ban)\b"
_STATE = r"(?:(?:is|was|are|were) )?(?:enabled|disabled|ready|configured|available|loaded|registered|installed|set)"
_NOUN = (
    (
        r"\b(?:errors?|exceptions?|failures?|crash|alerts?)[ _-]?"
        r"(?:support|handlers?|reporter|pages|middleware|mappers?|templates?|polic(?:y|ies)|boundary|listeners?"
        r"|interceptors?|resolvers?|converters?|filters?|budgets?|rules?|channels?|managers?|correction"
        rf"|(?:handling|reporting|tracking|logging|thresholds?)(?= (?:middleware|{_STATE})))\b"
        r"(?! (?:called|caught|threw|invoked|for|in|of)\b)"
    ),
    rf"\bfailover (?:{_STATE}|support(?:ed)?|mode|policy|group|standby|target)\b",
    r"\bdead (?:tuples?|rows?|row versions?|items?|line pointers?|peer detection|code|zone|time)\b",
    r"\bdead but not yet removable\b",
    (
        r"(?<!to )(?<!to the )(?<!to a )(?<!into )(?<!into the )(?<!into a )(?<!become )(?<!become a )(?<!becomes )"
        r"(?<!becomes a )(?<!became )(?<!became a )(?<!is a )(?<!now a )\bdead[ -]?letters?\b"
    ),
    r"\bfailure domains?\b|\blost\+found\b|\bcritical (?:sections?|path)\b",
    r"\b(?:in case|in the event) of (?:an? )?(?:errors?|failures?|exceptions?)\b|\bon[-_](?:failure|error)s?\b",
)
_OPTION = r"(?<![\w-])--[A-Za-z][\w-]*"
_SETTING = (
    (
        r"\b(?:on|max|min|ignore|log|display|show|continue|retry|stop|exit|skip|allow|suppress|report|track|halt|fail)"
        rf"{_SEP}(?:\w{{1,40}}{_SEP})?(?:errors?|fail\w*+|exceptions?|missing|invalid|bad)[\"']?\s?[=:]\s?[\"']?{_SWITCH}"
    ),
    (
        rf"\b(?:errors?|exceptions?|failures?|fail)(?:{_SEP}\w{{1,40}})?{_SEP}"
        r"(?:logs?|page|handlers?|path|file|dir|topic|threshold|policy|action|mode|level|limit|budget|channel|format"
        r"|template|queue|fast|over)[\"']?\s?[=:]"
    ),
)
_FILE = (
    r"(?<![\w-])(?=[\w-]*?(?:err|exception|fail|crash|panic|critical|alert|dead|missing|lost|bad|invalid|abort))"
    r"[\w-]++\.(?-i:log|txt|json|ya?ml|html?|xml|conf|cfg|ini|csv|out|gz|php|jsp|css|md|tmpl)\b"
)
_NO_FAILURE = re.compile(
    "|".join([_FILE, *_SETTING, _OPTION, _DENIED, *_ZERO, *_LIMIT, _PROPERTY, *_NOUN]), re.IGNORECASE
)
_THING = re.compile("|".join([_FILE, *_SETTING, _PROPERTY, *_NOUN]), re.IGNORECASE)


def without_denied(text: str) -> str:
    """Return the text without the words that name no failure."""
    return _NO_FAILURE.sub(" ", text)


def begins_with_thing(text: str) -> bool:
    """Return whether the text begins with the name of a thing, a property, a setting or a file."""
    return _THING.match(text) is not None
