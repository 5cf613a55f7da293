"""Looks for what may tell who a patient is, in titles, names of series and text, and warns of it.

Invariants: it only warns, as it knows no people: what it finds may be harmless, and what it does
not find may not be; what it says quotes the author's own text and goes nowhere but to the author.
Not here: pixels and headers (`deid`), what keeps a case from being published (`cases.readiness`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["suspicions"]


def suspicions(texts: Mapping[str, str]) -> list[str]:
    """What may be a person's name, a date of birth, a number, or an address; a sentence each.

    Args:
        texts: by what each of them is called, as "Title", "Findings", "Name of series 2".
    """
    return [
        f"{place}: “{found}” looks like {rule.what}."
        for place, text in texts.items()
        for rule, found in _found(_ADDRESSES.sub(" ", text))
    ]


@dataclass(frozen=True)
class _Rule:
    """What is looked for.

    Attributes:
        what: in words.
        pattern: finds it; the group "it", if there is one, is what counts.
        holds: looks at it again.
    """

    what: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = bool


def _found(text: str) -> Iterator[tuple[_Rule, str]]:
    """Yield the first find of each rule; what one has found is nothing to those after it."""
    for rule in _RULES:
        for match in rule.pattern.finditer(text):
            it = match["it"] if "it" in rule.pattern.groupindex else match[0]
            if rule.holds(it):
                yield rule, " ".join(match[0].split())
                break
        text = rule.pattern.sub(" ; ", text)


def _is_called(name: str) -> bool:
    return not _NO_NAME.fullmatch(name.split()[0].rstrip(",."))


def _has_digits_of_a_telephone(text: str) -> bool:
    return _DIGITS[0] <= sum(letter.isdigit() for letter in text) <= _DIGITS[1]


_DIGITS: Final = (9, 15)

# Targets of links, addresses of pages, and of articles: their numbers are nobody's.
_ADDRESSES: Final = re.compile(
    r"\]\([^)\s]*\)|https?://\S+|\b(?:doi|arxiv)[:\s]*\S+|\b10\.\d{4,9}/\S+"
    r"|\b(?:pmid|pmcid|pmc|nct|isbn|issn|omim|orcid)[:\s#]*[\d-]+[\dX]",
    re.IGNORECASE,
)

# What is said of a patient in the place where a name would be.
_NO_NAME: Final = re.compile(
    "a|adult|age|aged|an|anonymous|asymptomatic|baby|boy|case|child|elderly|female|gender|girl|had"
    "|has|healthy|history|infant|known|lady|m|f|male|man|middle|neonate|newborn|no|none|not|old"
    "|otherwise|peak|pain|premature|presented|presents|previously|sex|she|he|teenage|teenager|the"
    "|this|toddler|two|unknown|was|woman|young",
    re.IGNORECASE,
)

_NAME: Final = r"[^\W\d_a-zß-öø-ÿ][^\W\d_]*(?:['’.-][^\W\d_]+)*\.?"
_NAMES: Final = rf"{_NAME}(?:[ \t]+(?:(?:van|von|de|der|den|da|di|el|al|bin)[ \t]+)*{_NAME}){{0,3}}"
_MONTH: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_YEAR: Final = r"(?:19|20)\d\d"
_DATE: Final = (
    rf"(?:\b{_YEAR}[-/.]\d{{1,2}}[-/.]\d{{1,2}}\b|\b\d{{1,2}}[-/.]\d{{1,2}}[-/.]{_YEAR}\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?\.?[ \t]+{_MONTH}[ \t]+{_YEAR}\b"
    rf"|\b{_MONTH}[ \t]+\d{{1,2}}(?:st|nd|rd|th)?,?[ \t]+{_YEAR}\b)"
)
_SHORT_DATE: Final = r"\b\d{1,2}[-/.]\d{1,2}[-/.]\d{2}\b"

_RULES: Final = (
    _Rule("an e-mail address", re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")),
    _Rule(
        # "MR" and "DR" are modalities, so these count as they are written of people.
        "a person's name",
        re.compile(rf"\b(?:Dr|Mr|Mrs|Ms|Miss|Mx|Prof|Professor|Herr|Frau|Mme)\b\.?[ \t]+{_NAMES}"),
    ),
    _Rule(
        "a person's name",
        re.compile(
            r"\b(?i:patient(?:['’]s)?(?:[ \t]+name)?|pat\.?|pt|(?:full|first|last|family)[ \t]+name"
            r"|surname|name|referred[ \t]+by|reported[ \t]+by|radiologist|physician)"
            rf"[ \t]*[:=][ \t]*(?P<it>{_NAMES})"
        ),
        _is_called,
    ),
    _Rule("a person's name", re.compile(r"\b[^\W\d_][^\W\d_'’-]+\^[^\W\d_]+[\w^.'’-]*")),
    _Rule(
        "a date of birth",
        re.compile(
            r"\b(?:d\.?o\.?b\.?|date[ \t]+of[ \t]+birth|birth[ \t]?(?:date|day)|born(?:[ \t]+on)?"
            r"|geb(?:\.|oren)(?:[ \t]+am)?|n[ée]e?[ \t]+le)"
            rf"[ \t]*[:=]?[ \t]*(?:{_DATE}|{_SHORT_DATE}|\b\d{{6}}(?:\d\d)?\b)",
            re.IGNORECASE,
        ),
    ),
    _Rule("a date by which a visit can be found", re.compile(_DATE, re.IGNORECASE)),
    _Rule(
        "a number by which a patient can be found",
        re.compile(
            r"\b(?:mrn|medical[ \t]+record|(?:patient|hospital|case)[ \t]*(?:id|number|no)"
            r"|accession|acc|nhs|ssn|social[ \t]+security|episode|encounter)\b"
            r"[ \t]*(?:number|no|nr|id)?[ \t]*[.:#=]*[ \t]*[a-z]{0,4}[-/]?\d[\d/ -]{2,}\d",
            re.IGNORECASE,
        ),
    ),
    _Rule(
        "a telephone number",
        re.compile(
            r"\b(?i:tel|phone|telephone|fax|mobile|cell|call|bleep|pager)\b\.?[ \t]*:?[ \t]*"
            r"[+(]?\d[\d ()/.-]{4,}\d"
        ),
    ),
    _Rule(
        "a telephone number",
        re.compile(r"(?<![\w.])(?:\+|00)[1-9][\d ()/.-]{6,}\d"),
        _has_digits_of_a_telephone,
    ),
    _Rule(
        "a telephone number",
        re.compile(r"(?<![\w.-])(?:\(\d{3}\)[ \t]?|\d{3}[-.])\d{3}[-.]\d{4}(?![\w.-])"),
    ),
    _Rule(
        "a number by which a patient can be found",
        re.compile(r"(?<![\w.,-])(?:\d{3}-\d\d-\d{4}|\d{3} \d{3} \d{4})(?![\w-]|[.,]\d)"),
    ),
    _Rule(
        "a number by which a patient can be found",
        re.compile(r"(?<![\w.,/-])[A-Z]{0,3}-?\d{7,}(?![\w/-]|[.,]\d)"),
    ),
)
