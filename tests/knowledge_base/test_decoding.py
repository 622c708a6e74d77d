"""Bytes that are no UTF-8 become the text they were; figures in them above all."""

from __future__ import annotations

import pytest

from knowledge_base.formats.page import decode


@pytest.mark.parametrize(
    "text",
    [
        "Refunds cost 20\xa0EUR and take 5\xa0days",
        "Keep it at 25 °C, ±2 °C.",
        "It costs $20 – $30.",
        "The fee is £25 – about €30 – “today”, and it’s fine…",
        "© 2024 Acme® • § 5 • 3 m² • ½ price • 5 µs",
        "line one\n" * 10 + "100\xa0MB",
        "Don’t pay\xad — wait…or ask",
        "¿Cómo pido un reembolso?",
        "Die Gebühr beträgt 20 € pro Monat.",
        "Le délai de préavis est de 30 jours.",
        "Visit our café in Orléans; ask for Zoë or Señor Núñez.",
        "Återbetalning tar 5 dagar på kontot.",
    ],
)
def test_western_windows_text_however_short_keeps_its_signs_and_letters(text: str) -> None:
    assert decode(text.encode("cp1252")) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Příliš žluťoučký kůň úpěl ďábelské ódy", "cp1250"),
        ("İade beş iş günü sürer; lütfen hesap numaranızı kontrol edin ve şubeyi arayın.", "cp1254"),
        ("Плата 20 грн, її не повертають", "cp1251"),
        ("退款需要五个工作日。请检查账号。", "gbk"),
        ("환불은 5일 걸립니다", "cp949"),
        ("はい", "shift-jis"),
        ("Η επιστροφή διαρκεί πέντε ημέρες", "cp1253"),
        ("schön und günstig", "cp850"),
    ],
)
def test_other_encodings_are_not_taken_for_it(text: str, encoding: str) -> None:
    taken = text.encode(encoding).decode("cp1252", "replace")
    assert decode(text.encode(encoding)) != taken


def test_what_holds_control_characters_is_not_taken_for_text_because_of_its_signs() -> None:
    assert decode(b"a\0b\xa0c") is None
