"""What an imported game costs: nothing, as in the archive, or on request an invented price for demonstrations."""

from __future__ import annotations

import hashlib

# Invented amounts in minor units, one for each tier. The currencies are those in which free games are offered too.
_DEMO_AMOUNTS = {
    "EUR": (499, 999, 1999, 3999),
    "USD": (499, 999, 1999, 3999),
    "GBP": (429, 849, 1699, 3399),
    "JPY": (600, 1200, 2400, 4800),
    "BRL": (1399, 2799, 5499, 10999),
    "PLN": (1999, 3999, 7999, 15999),
    "INR": (24900, 49900, 94900, 189900),
}
CURRENCIES = tuple(_DEMO_AMOUNTS)

# Countries where a demonstration costs half of the currency's amount.
_DEMO_HALF_PRICE = {"EUR": ("BG", "RO"), "USD": ("AR", "TR", "UA", "VN")}


def free() -> list[dict]:
    """Zero in every currency."""
    return [_price(currency, 0) for currency in CURRENCIES]


def demo(external_id: str) -> list[dict]:
    """Invented, always the same for the same game; one game in five stays free."""
    tiers = len(_DEMO_AMOUNTS["EUR"])
    tier = hashlib.sha256(external_id.encode()).digest()[0] % (tiers + 1)
    if tier == tiers:
        return free()
    prices = [_price(currency, amounts[tier]) for currency, amounts in _DEMO_AMOUNTS.items()]
    for currency, countries in _DEMO_HALF_PRICE.items():
        prices += [_price(currency, _DEMO_AMOUNTS[currency][tier] // 2, country) for country in countries]
    return prices


def _price(currency: str, units_minor: int, country: str = "") -> dict:
    price = {"amount": {"currency_code": currency, "units_minor": str(units_minor)}}  # JSON writes an int64 as a string
    return price | ({"country_code": country} if country else {})
