"""Text in twenty languages and their scripts goes the whole way untouched: files, store, search, check and JSON."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson

from daemon.adapters.document_store import SqliteDocuments
from daemon.adapters.parsing import FileLimits, read_bytes
from daemon.documents import Library, describe_check
from tests.support.fakes import FakeEngine

# ruff: noqa: RUF001  # other scripts are meant
SENTENCES = {
    "English": "The buyer pays within 30 days.",
    "German": "Der Käufer zahlt spätestens nach 30 Tagen – größtenteils bar.",
    "French": "L’acheteur paie sous 30 jours ; œuvre et garçon compris.",
    "Spanish": "¿El comprador paga en 30 días? Sí, mañana.",
    "Portuguese": "O comprador paga em até 30 dias, sem exceções.",
    "Polish": "Kupujący płaci w ciągu 30 dni, źdźbło i żółć.",
    "Czech": "Kupující platí do 30 dnů, příliš žluťoučký kůň.",
    "Hungarian": "A vevő 30 napon belül fizet, árvíztűrő tükörfúrógép.",
    "Turkish": "Alıcı 30 gün içinde öder; İstanbul ve ığdır dâhil.",
    "Vietnamese": "Người mua thanh toán trong vòng 30 ngày.",
    "Greek": "Ο αγοραστής πληρώνει εντός 30 ημερών.",
    "Russian": "Покупатель платит в течение 30 дней, ёлка.",
    "Ukrainian": "Покупець сплачує протягом 30 днів, їжак і ґанок.",
    "Arabic": "يدفع المشتري الثمن خلال ٣٠ يومًا.",
    "Hebrew": "הקונה משלם בתוך 30 ימים, שָׁלוֹם.",
    "Hindi": "ख़रीदार 30 दिनों के भीतर भुगतान करता है।",
    "Thai": "ผู้ซื้อต้องชำระเงินภายใน 30 วัน",
    "Chinese": "买方应当在三十日内付款，違約除外。",
    "Japanese": "買主は30日以内に支払うものとする。",
    "Korean": "구매자는 30일 이내에 지불하여야 한다.",
}


def test_twenty_languages_pass_the_whole_path_untouched(tmp_path: Path) -> None:
    """Every sentence comes back as it was written, from the store and from a search; a removed one is shown whole."""
    store = SqliteDocuments(tmp_path / "kept")
    try:
        asyncio.run(_whole_path(store))
    finally:
        store.close()


async def _whole_path(store: SqliteDocuments) -> None:
    engine = FakeEngine()
    await engine.start()
    library = Library(store, engine)
    text = "\n\n".join(f"{number}. {sentence}" for number, sentence in enumerate(SENTENCES.values(), 1))
    read = read_bytes("все-字.txt", text.encode(), FileLimits())
    await library.add("قاعدة", read.path, read.format, read.blocks)

    [kept] = store.documents("قاعدة")
    assert ("все-字.txt", list(SENTENCES.values())) == (kept.name, [clause.text for clause in kept.clauses])
    for sentence in SENTENCES.values():
        [nearest] = (await library.search("قاعدة", sentence, 1)).clauses
        assert sentence == nearest.clause.text
    checker = library.checker("قاعدة")
    for place, sentence in enumerate(SENTENCES.values()):
        shorter = [block for block in read.blocks if sentence not in block.text]
        check = await library.check(checker, "shorter.txt", "text", shorter)
        shown = orjson.loads(orjson.dumps(describe_check(check)))
        [missing] = shown["departures"]
        assert ("missing", place, sentence) == (missing["kind"], missing["clause"], missing["there"]["text"])
