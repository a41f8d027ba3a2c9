"""Words that change obligations, by kind, in English, German, French and Chinese.

The lists are short on purpose: a word that is in none of them still counts as an ordinary word. All are in the form
that `words.comparable` gives: case-folded, without marks of punctuation.
"""

from __future__ import annotations

from enum import StrEnum


class WordKind(StrEnum):
    """What a word does in a text that obliges somebody."""

    WORD = "word"
    FUNCTION = "function"
    NUMBER = "number"
    DATE = "date"
    NEGATION = "negation"
    MODAL = "modal"
    PARTY = "party"
    DEGREE = "degree"
    CONNECTIVE = "connective"
    NAME = "name"
    REFERENCE = "reference"
    PLACEHOLDER = "placeholder"


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


NEGATION = _listed(
    """
    not no nor never neither without none nothing unless except
    excluding nicht kein keine keinen keinem keiner keines nie niemals ohne außer ne pas non ni jamais aucun aucune
    sans sauf 不 无 未 非 没 勿 莫 除
    """
)
MODAL = _listed(
    """
    shall must may will should can could would might ought muss müssen darf dürfen soll sollen sollte kann können
    könnte wird werden doit doivent peut peuvent devra devront pourra pourront devrait 应 須 须 必 可 得 能 宜
    """
)
DEGREE = _listed(
    """
    all any each every only solely exclusively exclusive sole entire entirely partial partially least most minimum
    maximum more less greater fewer before after until within reasonable reasonably best endeavour endeavor efforts
    immediately promptly perpetual irrevocable unlimited limited always sometimes often prior written material gross
    alle jeder jede jedes nur allein ausschließlich mindestens höchstens mehr weniger vor nach bis innerhalb
    angemessen unverzüglich unbeschränkt tous toutes chaque seul seulement uniquement moins plus avant après
    raisonnable immédiatement 仅 只 全 任 每 至 少 多 前 后
    """
)
CONNECTIVE = _listed(
    """
    and or either both if provided und oder wenn falls sofern et ou si 和 或 若 如
    """
)
PARTY = _listed(
    """
    licensor licensee licensors licensees contributor contributors recipient recipients distributor distributors
    owner owners author authors holder holders user users you your we us our party parties buyer seller vendor
    customer supplier provider contractor client landlord tenant lessor lessee employer employee lender borrower
    insurer insured assignor assignee indemnitor indemnitee guarantor agent principal publisher disclosing receiving
    lizenzgeber lizenznehmer käufer verkäufer kunde anbieter auftraggeber auftragnehmer vermieter mieter arbeitgeber
    arbeitnehmer urheber nutzer concédant licencié acheteur vendeur fournisseur bailleur locataire employeur salarié
    titulaire 甲 乙 方 买 卖
    """
)
_COUNTED: dict[float, str] = {
    0: "zero null zéro",
    1: "one ein eins une 一",
    2: "two zwei deux 二 两 double twice",
    3: "three drei trois 三",
    4: "four vier quatre 四",
    5: "five fünf cinq 五",
    6: "six sechs 六",
    7: "seven sieben sept 七",
    8: "eight acht huit 八",
    9: "nine neun neuf 九",
    10: "ten zehn dix 十",
    11: "eleven elf onze",
    12: "twelve zwölf douze",
    14: "fourteen",
    15: "fifteen",
    20: "twenty zwanzig vingt",
    30: "thirty dreißig trente",
    40: "forty",
    50: "fifty",
    60: "sixty",
    70: "seventy",
    80: "eighty",
    90: "ninety neunzig",
    100: "hundred hundert cent 百",
    1_000: "thousand tausend mille 千",
    1_000_000: "million",
    0.5: "half",
    10_000: "万",
}
NUMBERS = {word: number for number, words in _COUNTED.items() for word in words.split()}
TENS = frozenset(range(20, 100, 10))
MULTIPLES = frozenset({100, 1_000, 10_000, 1_000_000})
_MONTHS = (
    "january jan januar janvier",
    "february feb februar février",
    "march mar märz mars",
    "april apr avril",
    "may mai",
    "june jun juni juin",
    "july jul juli juillet",
    "august aug août",
    "september sep sept septembre",
    "october oct oktober octobre",
    "november nov novembre",
    "december dec dezember décembre",
)
MONTHS = {word: month for month, words in enumerate(_MONTHS, 1) for word in words.split()}
FUNCTION = _listed(
    """
    the a an of to in on at by for from with as is are be been being was were it its this that these those such
    which who whose whom there here has have had do does did so than then also into under over upon per via der die
    das den dem des ein eine einer eines einem einen von zu im auf mit für ist sind war und als auch le la les un
    une du de au aux en dans par pour sur avec est sont que qui ce cette ces 的 了 在 是 于 与 及 其 之 为 以
    """
)
REFERENCES = _listed(
    """
    section sections clause clauses article articles paragraph paragraphs subsection subsections exhibit schedule
    appendix chapter part item items abschnitt ziffer artikel absatz paragraf alinéa § §§ 第
    """
)
CURRENCIES = {
    word: words.split()[0]
    for words in ("$ usd dollar dollars", "€ eur euro euros", "£ gbp", "¥ jpy", "chf", "cny")
    for word in words.split()
}
"""A currency's word -> the form in which it is compared."""
UNITS = {
    word: words.split()[0]
    for words in (
        *("millisecond milliseconds ms", "second seconds sec secs s", "minute minutes min mins", "hour hours hr hrs h"),
        *("day days d", "week weeks", "month months", "quarter quarters", "year years yr yrs"),
        *("working", "business", "calendar", "consecutive"),  # days
        *("mm millimetre millimetres millimeter millimeters", "cm centimetre centimetres centimeter centimeters"),
        *("m metre metres meter meters", "km kilometre kilometres kilometer kilometers", "mile miles", "inch inches"),
        *("mg milligram milligrams", "g gram grams", "kg kilogram kilograms", "t tonne tonnes", "lb lbs pound pounds"),
        *("ml millilitre millilitres", "l litre litres liter liters", "bit bits", "byte bytes", "octet octets"),
        *("kb kilobyte kilobytes", "mb megabyte megabytes", "gb gigabyte gigabytes", "tb terabyte terabytes"),
        *("°c", "°f", "kw", "mw", "kwh", "mwh", "hz", "khz", "mhz", "ghz"),
        *("millisekunde millisekunden", "sekunde sekunden", "minuten", "stunde stunden", "tag tage tagen"),
        *("werktag werktage werktagen", "arbeitstag arbeitstage arbeitstagen", "woche wochen", "monat monate monaten"),
        *("jahr jahre jahren", "seconde secondes", "heure heures", "jour jours", "semaine semaines", "mois", "an ans"),
        *("année années",),
    )
    for word in words.split()
}
"""A unit that stands behind a number -> the form in which it is compared."""
PLACES = _listed(
    """
    law laws court courts jurisdiction venue governed county state country gesetz recht rechts gericht gerichte
    gerichtsstand loi lois droit tribunal tribunaux juridiction
    """
)
"""After these words a name is a place whose law or court is meant, not a name that is filled in."""
DEADLINES = _listed(
    """
    until before by after later than expire expires expiry end ends terminate terminates through due deadline bis
    spätestens vor nach endet läuft jusqu avant après expire échéance
    """
)
"""After these words a date says when something is owed or ends. It is not a date that is filled in."""
MEANS = _listed("means mean meaning bedeutet bezeichnet désigne signifie")
"""The defined term stands before these words."""
