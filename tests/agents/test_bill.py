"""The bill of real calls is the server's own, and a cap holds while processes are killed."""

from __future__ import annotations

import pytest

from benchmarks import bench, bill


def test_the_bill_is_the_servers_own_to_the_nano_dollar() -> None:
    found = bill.exact(150)
    assert found["cost shown, USD"] > 0
    assert found["difference, nano-dollars"] == 0
    assert found["requests of unknown usage"] > 0
    assert found["billed for them and not held, nano-dollars"] == 0
    assert found["spent in the database, less shown and held"] == 0


def test_a_price_that_is_off_by_a_nano_dollar_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill, "nano_prices", lambda model: tuple(price + 1 for price in bench.nano_prices(model)))
    assert bill.exact(20)["difference, nano-dollars"] < 0


def test_a_cap_holds_over_real_calls_and_kills() -> None:
    found = bill.capped(0.3, kills=1, processes=2)
    assert found["above the cap, nano-dollars"] == 0
    assert found["billed by the server, USD"] > 0
    assert found["still held after reclaiming, USD"] == 0
    assert found["most ever spent and held, USD"] > 0.25  # it was used up
