"""Texts of the AppStream catalogue as the catalogue service wants them: BCP 47 tags, plain text, lengths, addresses."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

MAX_URL_LENGTH = 2048

# What locale names call by names of their own, as subtags of the IANA registry (BCP 47).
_SUBTAGS = {
    "arabic": ["Arab"],
    "cyrillic": ["Cyrl"],
    "devanagari": ["Deva"],
    "ijekavian": ["ijekavsk"],
    "ijekavianlatin": ["Latn", "ijekavsk"],
    "latin": ["Latn"],
    "shaw": ["Shaw"],
    "valencia": ["valencia"],
}
_PSEUDO_LOCALES = {"quot", "boldquot", "test"}  # English with other quotation marks, and test strings
_LANGUAGES = {"c": "en", "posix": "en", "ua": "uk"}  # "ua" is the country, taken for its language
_TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2}|-[0-9]{3})?(-[a-z0-9]{5,8})*")


def language_tag(locale: str) -> str | None:
    """The BCP 47 tag of a POSIX locale or of a tag in any case; None for what is no language."""
    base, _, modifier = locale.partition("@")
    language, *subtags = re.split("[_-]", base.partition(".")[0])
    if modifier in _SUBTAGS:  # others, such as "euro", say nothing about the language
        subtags.append(modifier)
    if _PSEUDO_LOCALES & {modifier, *subtags}:
        return None
    language = _LANGUAGES.get(language.lower(), language.lower())
    subtags = [part for subtag in subtags for part in _SUBTAGS.get(subtag.lower(), [_cased(subtag)])]
    tag = "-".join([language, *sorted(subtags, key=_position)])
    return tag if _TAG.fullmatch(tag) else None


def _cased(subtag: str) -> str:
    if len(subtag) == 4 and subtag.isalpha():
        return subtag.title()
    return subtag.upper() if len(subtag) < 4 else subtag.lower()


def _position(subtag: str) -> int:
    """Script before region before variant, whatever the order of the locale's parts."""
    return {4: 0, 2: 1, 3: 1}.get(len(subtag), 2)


class _Paragraphs(HTMLParser):
    """Collects blocks (paragraphs and lists) of lines."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[list[str]] = [[""]]

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag in ("p", "ul", "ol"):
            self.blocks.append([""])
        elif tag == "li":
            self.blocks[-1].append("• ")
        elif tag == "br":
            self.blocks[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("p", "ul", "ol"):
            self.blocks.append([""])

    def handle_data(self, data: str) -> None:
        self.blocks[-1][-1] += data


def plain_text(markup: str) -> str:
    """AppStream's subset of HTML as plain text: paragraphs are parted by an empty line, items of a list begin with "•"."""
    parser = _Paragraphs()
    parser.feed(markup)
    parser.close()
    blocks = ["\n".join(filter(None, map(one_line, lines))) for lines in parser.blocks]
    return "\n\n".join(filter(None, blocks))


def one_line(text: str) -> str:
    """Without control characters, and with one space where there was any white space."""
    printable = "".join(" " if char.isspace() else char for char in text if char.isprintable() or char.isspace())
    return " ".join(printable.split())


def clip(text: str, max_length: int) -> str:
    """At most `max_length` code points; what is cut ends at a word and with "…"."""
    if len(text) <= max_length:
        return text
    return re.sub(r"\s+\S*$", "", text[: max_length - 1]) + "…"


def is_url(text: str) -> bool:
    """Whether the catalogue takes it: absolute, http or https, ASCII without spaces."""
    if len(text) > MAX_URL_LENGTH or not re.fullmatch(r"https?://[!-~]+", text):
        return False
    try:
        host = urlsplit(text).hostname
    except ValueError:
        return False
    return bool(host) and re.fullmatch(r"[A-Za-z0-9.-]+", host) is not None
