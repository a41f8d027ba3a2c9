"""The words that substantive edits swap, in four languages, chosen without regard to `daemon.core.documents`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Which words replace which. `spaced` says that the language separates words with spaces."""

    negated: Mapping[str, str]
    parties: Sequence[tuple[str, str]]
    terms: Mapping[str, str]
    weaker: Mapping[str, str]
    numbers: Mapping[str, str]
    spaced: bool = True


ENGLISH = Vocabulary(
    negated={
        "shall": "shall not",
        "must": "must not",
        "may": "may not",
        "will": "will not",
        "is": "is not",
        "are": "are not",
        "can": "cannot",
        "may not": "may",
        "shall not": "shall",
        "must not": "must",
    },
    parties=(
        ("licensor", "licensee"),
        ("contributor", "recipient"),
        ("licensor", "you"),
        ("author", "user"),
        ("copyright holder", "licensee"),
        ("distributor", "recipient"),
        ("we", "you"),
        ("you", "the contributors"),
    ),
    terms={
        "written": "oral",
        "source": "binary",
        "irrevocable": "revocable",
        "royalty-free": "royalty-bearing",
        "non-exclusive": "exclusive",
        "worldwide": "national",
        "perpetual": "temporary",
        "copyright": "trademark",
        "commercial": "private",
        "modified": "unmodified",
        "direct": "remote",
        "distribution": "sale",
        "without": "with",
        "notice": "fee",
        "warranty": "guarantee of title",
    },
    weaker={
        "shall": "should",
        "must": "should",
        "only": "preferably",
        "all": "most",
        "any": "certain",
        "will": "may",
        "required": "encouraged",
        "entire": "essential",
    },
    numbers={"one": "five", "two": "six", "three": "nine", "thirty": "ninety", "first": "third", "ten": "two"},
)
GERMAN = Vocabulary(
    negated={
        "darf": "darf nicht",
        "dürfen": "dürfen nicht",
        "muss": "muss nicht",
        "müssen": "müssen nicht",
        "ist": "ist nicht",
        "sind": "sind nicht",
        "kann": "kann nicht",
        "wird": "wird nicht",
    },
    parties=(
        ("Lizenzgeber", "Lizenznehmer"),
        ("Sie", "der Urheber"),
        ("Urheber", "Nutzer"),
        ("Rechteinhaber", "Lizenznehmer"),
    ),
    terms={
        "schriftlich": "mündlich",
        "unentgeltlich": "entgeltlich",
        "weltweit": "innerhalb Europas",
        "einfache": "ausschließliche",
        "öffentlich": "privat",
        "kommerzielle": "private",
        "Bearbeitung": "Kopie",
        "Verbreitung": "Vermietung",
        "ohne": "mit",
        "Haftung": "Vergütung",
        "Hinweis": "Antrag",
    },
    weaker={
        "müssen": "sollten",
        "muss": "sollte",
        "nur": "möglichst",
        "alle": "die meisten",
        "jede": "manche",
        "wird": "kann",
        "vollständig": "im Wesentlichen",
    },
    numbers={"zwei": "sechs", "drei": "neun", "dreißig": "neunzig", "zehn": "zwei", "einmal": "dreimal"},
)
FRENCH = Vocabulary(
    negated={
        "doit": "ne doit pas",
        "doivent": "ne doivent pas",
        "peut": "ne peut pas",
        "peuvent": "ne peuvent pas",
        "est": "n'est pas",
        "sont": "ne sont pas",
    },
    parties=(
        ("Licencié", "Concédant"),
        ("Concédant", "Licencié"),
        ("Titulaire", "Licencié"),
        ("Contributeur", "Licencié"),
        ("vous", "l'offrant"),
        ("auteur", "utilisateur"),
        ("Producteur", "Réutilisateur"),
    ),
    terms={
        "écrit": "oral",
        "gratuit": "payant",
        "gratuite": "payante",
        "non exclusif": "exclusif",
        "mondial": "national",
        "source": "objet",
        "commerciale": "privée",
        "distribution": "location",
        "sans": "avec",
        "garantie": "redevance",
        "modification": "copie",
    },
    weaker={
        "doit": "devrait",
        "doivent": "devraient",
        "uniquement": "de préférence",
        "tous": "la plupart",
        "toute": "certaine",
        "tout": "certain",
        "intégralité": "majeure partie",
    },
    numbers={"deux": "six", "trois": "neuf", "trente": "quinze", "dix": "deux", "quinze": "trente"},
)
CHINESE = Vocabulary(
    negated={
        "应": "不应",
        "须": "不须",
        "可以": "不可以",
        "有权": "无权",
        "不得": "可以",
        "是": "不是",
        "必须": "不必",
    },
    parties=(
        ("贡献者", "用户"),
        ("您", "贡献者"),
        ("授权人", "被授权人"),
        ("使用者", "提供机关"),
        ("授權人", "利用人"),
    ),
    terms={
        "书面": "口头",
        "免费": "收费",
        "永久性": "临时性",
        "全球性": "全国性",
        "源程序": "可执行程序",
        "分发": "出租",
        "版权": "商标",
        "專利": "商標",
        "商业": "私人",
        "利用": "出租",
        "授權": "出售",
    },
    weaker={"必须": "建议", "应当": "可以", "所有": "部分", "任何": "某些", "仅": "主要", "应": "可"},
    numbers={"一": "五", "二": "六", "三": "九", "十": "二"},
    spaced=False,
)
VOCABULARIES = {"en": ENGLISH, "de": GERMAN, "fr": FRENCH, "zh": CHINESE}
