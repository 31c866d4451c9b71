"""What becomes of catalogue entries."""

import json
import re
import unittest
from pathlib import Path
from unittest import mock

from import_games import prices
from import_games.__main__ import import_requests
from import_games.appstream import Package, read_games
from import_games.game import MAX_TEXTS, Unusable, game_of
from import_games.rating import minimum_age
from import_games.text import clip, is_url, language_tag, plain_text

FIXTURE = Path(__file__).parent / "fixture.yml"
AGES = {("violence-cartoon", 2): 3, ("social-chat", 4): 13}


def age_of(content: str, degree: int) -> int:
    return AGES.get((content, degree), 0)


class EntryTest(unittest.TestCase):
    def setUp(self) -> None:
        self.enterContext(mock.patch("import_games.rating._appstream_age", age_of))
        self.components = {component["ID"]: component for component in read_games([FIXTURE])}
        self.ludo = game_of(self.components["org.example.Parchis.desktop"], Package("1:2.0.3-1+b2", "https://package.example"))

    def test_only_games_of_the_desktop_are_selected(self):
        self.assertEqual(
            list(self.components), ["org.example.Parchis.desktop", "bare.desktop", "nameless.desktop", "broken.desktop"]
        )

    def test_english_comes_first_as_plain_text(self):
        self.assertEqual(self.ludo["texts"][0], {
            "language": "en",
            "title": "Example Ludo",
            "summary": "Race home",
            "description": "Four colours & one die.\n\n• for two\n• for four\n\nEnjoy.",
        })

    def test_every_language_has_one_text_and_repeated_regions_none(self):
        self.assertEqual([text["language"] for text in self.ludo["texts"]], ["en", "pt-BR", "de", "sr-Latn"])

    def test_a_title_without_translation_is_english(self):
        self.assertEqual(self.ludo["texts"][-1], {"language": "sr-Latn", "title": "Example Ludo", "summary": "Trka"})

    def test_the_rest_of_an_entry(self):
        del self.ludo["texts"]
        self.assertEqual(self.ludo, {
            "external_id": "org.example.Parchis.desktop",
            "tags": ["board-game", "kids-game", "2d-graphics"],
            "platforms": ["PLATFORM_LINUX"],
            "languages": ["de", "en", "pt-BR"],
            "minimum_age": 13,
            "developer_name": "The Example Team",
            "license": "GPL-3.0-or-later",
            "homepage_url": "https://ludo.example/",
            "screenshot_urls": ["https://media.example/pool/org/first.png", "https://media.example/pool/org/second.png"],
            "version": "2.0.3-1+b2",
            "release_notes": "A better die.",
        })

    def test_the_homepage_of_the_package_replaces_one_that_is_no_web_page(self):
        bare = game_of(self.components["bare.desktop"], Package("1.0-1", "https://package.example"))
        self.assertEqual(bare["homepage_url"], "https://package.example")

    def test_what_an_entry_does_not_say_is_left_out(self):
        bare = game_of(self.components["bare.desktop"])
        self.assertEqual(sorted(bare), ["external_id", "platforms", "texts"])

    def test_a_nameless_entry_is_unusable(self):
        with self.assertRaises(Unusable):
            game_of(self.components["nameless.desktop"])

    def test_bad_entries_are_skipped_with_a_reason_and_the_others_stay(self):
        built = list(import_requests(self.components.values(), {}, demo_prices=False))
        self.assertEqual([type(request) for request in built], [dict, dict, str, str])
        self.assertIn("nameless.desktop: it has no name", built[2])

    def test_of_too_many_languages_those_of_most_players_stay(self):
        names = {"C": "Many"} | {f"{first}{second}": "Viele" for first in "abcdefz" for second in "abcdefghijklmnoh"}
        game = game_of({"ID": "many", "Name": names | {"zh_CN": "多"}})
        self.assertEqual(len(game["texts"]), MAX_TEXTS)
        self.assertEqual([text["language"] for text in game["texts"][:2]], ["en", "zh-CN"])


class TextTest(unittest.TestCase):
    def test_locales_become_tags(self):
        for locale, tag in {
            "C": "en", "de": "de", "pt_BR": "pt-BR", "zh-CN": "zh-CN", "sr@latin": "sr-Latn", "sr-Latn": "sr-Latn", "ca@valencia": "ca-valencia",
            "sr-ijekavianlatin": "sr-Latn-ijekavsk", "en@shaw": "en-Shaw", "de_DE.UTF-8@euro": "de-DE", "uz_UZ@cyrillic":
            "uz-Cyrl-UZ", "en@quot": None, "x-test": None, "es_419": "es-419", "ua": "uk", "": None, "de_DE.UTF-8": "de-DE",
        }.items():
            with self.subTest(locale):
                self.assertEqual(language_tag(locale), tag)

    def test_plain_text_has_no_control_characters(self):
        self.assertEqual(plain_text("<p>a\0b\x1b\n c</p>"), "ab c")

    def test_long_text_is_cut_at_a_word(self):
        self.assertEqual(clip("one two three", 10), "one two…")
        self.assertEqual(clip("abc", 3), "abc")
        self.assertEqual(len(clip("x" * 50, 10)), 10)

    def test_addresses(self):
        self.assertTrue(is_url("https://example.org/a?b=c#d"))
        for bad in ("", "ftp://example.org", "https://", "//example.org", "https://a b", "http://[::1", "https://x/" + "y" * 2048):
            with self.subTest(bad):
                self.assertFalse(is_url(bad))


class RatingTest(unittest.TestCase):
    def test_the_highest_age_counts(self):
        self.assertEqual(minimum_age({"oars-1.0": {"violence-cartoon": "mild", "social-chat": "intense"}}, age_of), 13)

    def test_unrated_and_unknown_schemes_are_for_everybody(self):
        self.assertEqual(minimum_age({}, age_of), 0)
        self.assertEqual(minimum_age({"other": {"social-chat": "intense"}}, age_of), 0)

    def test_homosexuality_has_no_age(self):
        self.assertEqual(minimum_age({"oars-1.1": {"sex-homosexuality": "intense"}}, lambda content, degree: 18), 0)


class PriceTest(unittest.TestCase):
    def test_without_being_asked_everything_is_free_everywhere(self):
        self.assertEqual({price["amount"]["units_minor"] for price in prices.free()}, {"0"})
        self.assertTrue(all(re.fullmatch("[A-Z]{3}", price["amount"]["currency_code"]) for price in prices.free()))

    def test_demo_prices_are_the_same_at_every_run(self):
        self.assertEqual(prices.demo("a"), prices.demo("a"))
        self.assertGreater(len({json.dumps(prices.demo(str(i))) for i in range(100)}), 3)

    def test_a_currency_and_country_has_one_price(self):
        for name in map(str, range(50)):
            keys = [(p["amount"]["currency_code"], p.get("country_code", "")) for p in prices.demo(name)]
            self.assertEqual(len(keys), len(set(keys)))


if __name__ == "__main__":
    unittest.main()
