"""One component of the AppStream catalogue as the `game` of an `ImportGameRequest` (playmesh.catalog.v1).

Field names are those of the proto, limits are the rules that stand beside its fields. What does not fit is cut, what is
not valid is left out; a component without what a game must have raises Unusable.
"""

from __future__ import annotations

import re
from urllib.parse import urljoin

from import_games.appstream import Package
from import_games.rating import minimum_age
from import_games.text import clip, is_url, language_tag, one_line, plain_text

MAX_TEXTS = 60
MAX_TAGS = 30
MAX_TAG_LENGTH = 40
MAX_LANGUAGES = 100
MAX_SCREENSHOTS = 30
MAX_LENGTH = {
    "title": 200, "summary": 500, "description": 20_000, "developer_name": 200, "license": 500, "version": 64,
    "release_notes": 10_000, "external_id": 200,
}

# A language counts as playable from this share of translated strings on.
MIN_TRANSLATED_PERCENT = 75

# Who has more texts than MAX_TEXTS keeps these, the languages of most players, before others.
_FIRST_LANGUAGES = (
    "en zh-CN es hi ar pt-BR ru ja de fr ko it tr pl vi th id uk nl fa cs zh-TW ro sv hu el da fi nb he pt bg hr sk"
).split()

# Categories that say what a program was made with, or that it is a game.
_NO_TAGS = {"Game", "GTK", "Qt", "GNOME", "KDE", "XFCE", "Java", "Motif", "ConsoleOnly"}


class Unusable(Exception):
    """The component lacks what a game must have."""


def game_of(component: dict, package: Package = Package()) -> dict:
    """The game, published on Linux. Raises Unusable."""
    external_id = str(component.get("ID") or "")
    if not external_id or len(external_id) > MAX_LENGTH["external_id"]:
        raise Unusable("its id is missing or too long")
    game = {
        "external_id": external_id,
        "texts": _texts(component),
        "tags": _tags(component.get("Categories", [])),
        "platforms": ["PLATFORM_LINUX"],
        "languages": _playable_languages(component.get("Languages", [])),
        "minimum_age": minimum_age(component.get("ContentRating", {})),
        "developer_name": _line(_untranslated(component.get("DeveloperName")), "developer_name"),
        "license": _line(component.get("ProjectLicense"), "license"),
        "homepage_url": _homepage(component, package),
        "screenshot_urls": _screenshots(component),
        "version": _line(_version(component, package), "version"),
        "release_notes": _release_notes(component, package),
    }
    return {field: value for field, value in game.items() if value not in ("", [], 0)}


def _line(text: str | None, field: str) -> str:
    return clip(one_line(str(text or "")), MAX_LENGTH[field])


def _untranslated(texts: dict | str | None) -> str:
    if isinstance(texts, dict):
        return texts.get("C", "")
    return texts or ""


def _by_language(texts: dict | None) -> dict[str, str]:
    """Keyed by BCP 47 tag. Of two for the same tag ("C" and "en", "pt_BR" and "pt-BR") the first stays."""
    found: dict[str, str] = {}
    for locale, text in sorted((texts or {}).items(), key=lambda item: (item[0] != "C", item[0])):
        tag = language_tag(locale)
        if tag and str(text).strip():
            found.setdefault(tag, str(text))
    return found


def _texts(component: dict) -> list[dict]:
    """English, in which the archive writes, comes first; among equals, what says most."""
    names = _by_language(component.get("Name"))
    summaries = _by_language(component.get("Summary"))
    descriptions = _by_language(component.get("Description"))
    if "en" not in names:
        raise Unusable("it has no name in the default language")
    texts = {}
    for language in {**names, **summaries, **descriptions}:
        text = {
            "language": language,
            "title": _line(names.get(language) or names.get(language.split("-")[0]) or names["en"], "title"),
            "summary": _line(summaries.get(language), "summary"),
            "description": clip(plain_text(descriptions.get(language, "")), MAX_LENGTH["description"]),
        }
        texts[language] = {field: value for field, value in text.items() if value}
    wanted = [text for text in texts.values() if not _repeats_base_language(text, texts)]
    wanted.sort(key=lambda text: (_language_rank(text["language"]), -len(text), text["language"]))
    return wanted[:MAX_TEXTS]


def _language_rank(language: str) -> int:
    return _FIRST_LANGUAGES.index(language) if language in _FIRST_LANGUAGES else len(_FIRST_LANGUAGES)


def _repeats_base_language(text: dict, texts: dict[str, dict]) -> bool:
    """Whether it is a regional text ("fr-FR") that says nothing else than the language's own ("fr")."""
    base = texts.get(text["language"].split("-")[0])
    return base is not None and base is not text and base | {"language": text["language"]} == base | text


def _tags(categories: list[str]) -> list[str]:
    """ "BoardGame" is "board-game"; what is no category of the Desktop Menu Specification ("X-…") is left out."""
    tags = []
    for category in categories:
        words = re.findall(r"[0-9]*[A-Z]+(?![a-z])|[0-9]*[A-Z][a-z0-9]*", category)
        tag = "-".join(words).lower()
        if words and category not in _NO_TAGS and not category.startswith("X-") and len(tag) <= MAX_TAG_LENGTH:
            tags.append(tag)
    return list(dict.fromkeys(tags))[:MAX_TAGS]


def _playable_languages(languages: list[dict]) -> list[str]:
    tags = set()
    for language in languages:
        locale = language.get("locale", "")
        tag = "en" if locale == "en_US" else language_tag(locale)  # AppStream's name for the untranslated strings
        if tag and language.get("percentage", 100) >= MIN_TRANSLATED_PERCENT:
            tags.add(tag)
    return sorted(tags)[:MAX_LANGUAGES]


def _homepage(component: dict, package: Package) -> str:
    candidates = ((component.get("Url") or {}).get("homepage", ""), package.homepage)
    return next(filter(is_url, candidates), "")


def _screenshots(component: dict) -> list[str]:
    """The default one first. Addresses are relative to the catalogue's media server."""
    screenshots = sorted(component.get("Screenshots", []), key=lambda screenshot: not screenshot.get("default"))
    urls = [
        urljoin(component.get("MediaBaseUrl", "").rstrip("/") + "/", screenshot["source-image"]["url"])
        for screenshot in screenshots
        if screenshot.get("source-image", {}).get("url")
    ]
    return list(dict.fromkeys(filter(is_url, urls)))[:MAX_SCREENSHOTS]


def _version(component: dict, package: Package) -> str:
    """The package's, without the epoch, as in the name of its .deb; else that of the latest release."""
    if package.version:
        return package.version.split(":", 1)[-1]
    releases = component.get("Releases") or [{}]
    return str(releases[0].get("version", ""))


def _release_notes(component: dict, package: Package) -> str:
    """Of the release that is packaged, which need not be the latest that the catalogue knows."""
    for release in component.get("Releases", []):
        if not package.version or str(release.get("version")) == package.upstream_version:
            return clip(plain_text(_untranslated(release.get("description"))), MAX_LENGTH["release_notes"])
    return ""
