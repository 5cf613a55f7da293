"""Finding published cases: by words, and by what they are, newest first.

What: the words of cases, which triggers keep (FTS5 on SQLite, tsvector on PostgreSQL), and two
indexes over cases that everybody may see.
Why: readers search in the full text, and lists and their counts need not read the cases themselves.
Duration: reads every case once; a second for ten thousand.
"""

# ruff: noqa: S608 - the statements are made of the constants of this file
import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

WAYS = ("modality", "body_part", "has_closed_sections", "downloadable")
INDEXES = {
    "ix_case_public": ("published_at", "id", *WAYS, "owner_id"),
    "ix_case_public_counted": (*WAYS, "owner_id"),
}
WHERE = "version IS NOT NULL AND private IS {} AND hidden_at IS NULL"

OF_CASE = "title, authors, kind, words"
KIND = "{0}modality || ' ' || {0}body_part"
TAGS = "coalesce((SELECT group_concat(tag, ' ') FROM case_tag WHERE case_id = {}), '')"
SET_TAGS = f"UPDATE case_words SET tags = {TAGS} WHERE rowid = "
SQLITE = (
    "CREATE VIRTUAL TABLE case_words USING fts5(title, tags, authors, kind, words, "
    "tokenize = 'porter unicode61 remove_diacritics 2')",
    "INSERT INTO case_words (rowid, title, tags, authors, kind, words) "
    f'SELECT id, title, {TAGS.format("id")}, authors, {KIND.format("")}, words FROM "case"',
    'CREATE TRIGGER case_words_insert AFTER INSERT ON "case" BEGIN '
    "INSERT INTO case_words (rowid, title, tags, authors, kind, words) VALUES "
    f"(new.id, new.title, '', new.authors, {KIND.format('new.')}, new.words); END",
    "CREATE TRIGGER case_words_update "
    'AFTER UPDATE OF title, authors, modality, body_part, words ON "case" BEGIN '
    "UPDATE case_words SET title = new.title, authors = new.authors, "
    f"kind = {KIND.format('new.')}, words = new.words WHERE rowid = new.id; END",
    'CREATE TRIGGER case_words_delete AFTER DELETE ON "case" BEGIN '
    "DELETE FROM case_words WHERE rowid = old.id; END",
    "CREATE TRIGGER case_words_tag AFTER INSERT ON case_tag BEGIN "
    f"{SET_TAGS.format('new.case_id')}new.case_id; END",
    "CREATE TRIGGER case_words_untag AFTER DELETE ON case_tag BEGIN "
    f"{SET_TAGS.format('old.case_id')}old.case_id; END",
)

# What the other database does by itself: without accents, and no word is too common to be found.
PLAIN = """
CREATE FUNCTION case_words_plain(said text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF getdatabaseencoding() = 'UTF8' THEN
        said := regexp_replace(normalize(said, NFKD), '[\\u0300-\\u036f]', '', 'g');
    END IF;
    RETURN regexp_replace(said, '[][!-/:-@\\\\^_`{-~]+', ' ', 'g');
END $$
"""
VECTOR = "setweight(to_tsvector('readingroom', case_words_plain({})), '{}')"
WHOLE = " || ".join(
    (
        VECTOR.format("c.title", "A"),
        VECTOR.format(
            "coalesce((SELECT string_agg(tag, ' ') FROM case_tag WHERE case_id = c.id), '')", "B"
        ),
        VECTOR.format("c.authors", "B"),
        VECTOR.format(KIND.format("c."), "C"),
        VECTOR.format("c.words", "D"),
    )
)
KEEP = f"""
CREATE FUNCTION case_words_keep(which bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO case_words (case_id, words) SELECT c.id, {WHOLE} FROM "case" c WHERE c.id = which
    ON CONFLICT (case_id) DO UPDATE SET words = excluded.words
$$
"""
TRIGGER = """
CREATE FUNCTION case_words_of_{0}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM case_words_keep({1});
    RETURN NULL;
END $$
"""
POSTGRESQL = (
    "CREATE TEXT SEARCH DICTIONARY readingroom (TEMPLATE = snowball, Language = english)",
    "CREATE TEXT SEARCH CONFIGURATION readingroom (COPY = simple)",
    "ALTER TEXT SEARCH CONFIGURATION readingroom ALTER MAPPING FOR "
    "asciiword, word, numword WITH readingroom",
    'CREATE TABLE case_words (case_id bigint PRIMARY KEY REFERENCES "case" (id) '
    "ON DELETE CASCADE, words tsvector NOT NULL)",
    "CREATE INDEX ix_case_words ON case_words USING gin (words)",
    PLAIN,
    KEEP,
    TRIGGER.format("case", "new.id"),
    TRIGGER.format("tag", "coalesce(new.case_id, old.case_id)"),
    "CREATE TRIGGER case_words_case AFTER INSERT OR UPDATE OF title, authors, modality, body_part, "
    'words ON "case" FOR EACH ROW EXECUTE FUNCTION case_words_of_case()',
    "CREATE TRIGGER case_words_tag AFTER INSERT OR DELETE ON case_tag "
    "FOR EACH ROW EXECUTE FUNCTION case_words_of_tag()",
    'SELECT case_words_keep(id) FROM "case"',
)


def upgrade() -> None:
    for name, columns in INDEXES.items():
        op.create_index(
            name,
            "case",
            list(columns),
            sqlite_where=sa.text(WHERE.format("0")),
            postgresql_where=sa.text(WHERE.format("false")),
        )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if is_sqlite else POSTGRESQL:
        op.get_bind().exec_driver_sql(statement)
