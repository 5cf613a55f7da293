"""What somebody typed into the search box, as a condition on cases.

On SQLite the words of cases are an FTS5 table, on PostgreSQL a column of tsvector; triggers keep
both (migration 0014), so that nobody who writes a case need think of it. Words are taken without
regard to case and accents, by their English stem, and from three letters on by their beginning.
Invariants: what was typed is never syntax: only its letters and figures reach the database, each
word quoted; a long text costs no more than a line.
Not here: the other ways to narrow a search (`cases.finding`).
"""

import re
import unicodedata
from typing import Final

from sqlalchemy import (
    ColumnElement,
    String,
    TableClause,
    cast,
    func,
    literal,
    literal_column,
    select,
    table,
)
from sqlalchemy import column as named
from sqlalchemy.dialects.postgresql import REGCONFIG, TSQUERY

from cases.schema import case
from store.db import Database

__all__ = ["Typed", "words_in"]

LONGEST_TEXT: Final = 400
MOST_WORDS: Final = 12
BEGINNING: Final = 3
_WORD: Final = re.compile(r"[^\W_]+")

_words: Final = table("case_words", named("rowid"), named("case_id"), named("words"))
# Title, tags, authors, modality and body part, text.
_WEIGHTS: Final = "bm25(case_words, 8.0, 4.0, 4.0, 2.0, 1.0)"


def words_in(text: str) -> tuple[str, ...]:
    """The words that are looked for, without accents; of a long text, the first ones."""
    plain = unicodedata.normalize("NFKD", text[:LONGEST_TEXT])
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return tuple(dict.fromkeys(_WORD.findall(letters.lower())))[:MOST_WORDS]


class Typed:
    """The condition that a case has all the words, and how well it fits them.

    Attributes:
        words: where the words are, to be joined with `case` by `joined`.
        joined: the row of `words` belongs to the case.
        number: of the case, as the row of `words` has it.
        condition: it has all of them.
        among: the same of the case, without the join; for who does not want the order.
        order: the best first.

    Args:
        database: tells which of the two it is.
        words: from `words_in`, at least one.
    """

    words: TableClause
    joined: ColumnElement[bool]
    number: ColumnElement[int]
    condition: ColumnElement[bool]
    among: ColumnElement[bool]
    order: ColumnElement[float]

    def __init__(self, database: Database, words: tuple[str, ...]) -> None:
        self.words = _words
        if database.engine.dialect.name == "sqlite":
            query = " AND ".join(f'"{word}"{"*" * (len(word) >= BEGINNING)}' for word in words)
            self.number = _words.c.rowid
            self.joined = self.number == case.c.id
            self.condition = literal_column("case_words").op("MATCH")(literal(query, String))
            # Of a sum, SQLite does not look up each case in its table, which is large: it goes
            # through an index that has all that is asked, and looks each number up in the list.
            self.among = (case.c.id + 0).in_(select(_words.c.rowid).where(self.condition))
            self.order = literal_column(_WEIGHTS)
            return
        query = " & ".join(f"'{word}'{':*' * (len(word) >= BEGINNING)}" for word in words)
        asked = func.to_tsquery(cast("readingroom", REGCONFIG), query, type_=TSQUERY)
        self.number = _words.c.case_id
        self.joined = self.number == case.c.id
        self.condition = _words.c.words.op("@@")(asked)
        self.among = case.c.id.in_(select(_words.c.case_id).where(self.condition))
        self.order = -func.ts_rank(_words.c.words, asked)
