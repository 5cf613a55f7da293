"""The form of a new share link: what is typed into it, and what is wrong with it.

Invariants: a fault is one sentence at the field that it is about.
Not here: what is done with it (`viewer.shares`).
"""

from datetime import date, datetime, timedelta
from typing import Final

from flask_wtf import FlaskForm
from wtforms import DateField, Field, PasswordField, SelectField, StringField
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from cases.share_list import Share
from cases.share_tries import PASSWORD_CHARACTERS
from cases.sharing import LABEL_CHARACTERS, MOST_USES, Wanted, end_of
from viewer.labels import long_day
from viewer.words import age, grouped, plural

__all__ = ["ShareForm", "uses", "when"]

NEVER, ON_A_DATE = "never", "date"
VIEW, DOWNLOAD = "view", "download"
DAYS: Final = (30, 7, 1)
ALLOWS: Final = ((VIEW, "View"), (DOWNLOAD, "View and download"))
TOO_SHORT: Final = (
    f"A password has {PASSWORD_CHARACTERS[0]} to {PASSWORD_CHARACTERS[1]} characters."
)
NAMELESS: Final = "Say who it is for, to tell it from others."
TOO_LONG: Final = f"A label has at most {LABEL_CHARACTERS} characters."


class ShareForm(FlaskForm):  # type: ignore[misc]
    """Label, end, uses, password, and what is allowed."""

    label = StringField(
        validators=[InputRequired(NAMELESS), Length(max=LABEL_CHARACTERS, message=TOO_LONG)]
    )
    ends = SelectField(choices=[*map(str, DAYS), ON_A_DATE, NEVER], default=str(DAYS[0]))
    day = DateField(validators=[Optional()])
    uses = StringField()
    password = PasswordField()
    allows = SelectField(choices=[value for value, _ in ALLOWS], default=VIEW)

    def know(self, now: datetime) -> None:
        """Tell it the present time, which its words and its checks depend on."""
        self.today: date = now.date()

    @property
    def choices_of_end(self) -> list[tuple[str, date | None, str]]:
        """Value, day and words of each choice."""
        named = ("In 30 days", "In 7 days", "Tomorrow")
        days = [
            (str(number), self.today + timedelta(days=number), word)
            for number, word in zip(DAYS, named, strict=True)
        ]
        return [*days, (ON_A_DATE, None, "On a date"), (NEVER, None, "Never")]

    @property
    def choices_of_use(self) -> tuple[tuple[str, str], ...]:
        """Value and words of what a link may allow."""
        return ALLOWS

    @property
    def wanted(self) -> Wanted:
        """The link as it is wished for."""
        end: date | None = None
        if self.ends.data == ON_A_DATE:
            end = self.day.data
        elif self.ends.data != NEVER:
            end = self.today + timedelta(days=int(self.ends.data))
        typed = (self.uses.data or "").strip()
        return Wanted(
            label=self.label.data or "",
            expires_at=None if end is None else end_of(end),
            password=self.password.data or "",
            max_uses=int(typed) if typed else None,
            downloadable=self.allows.data == DOWNLOAD,
        )

    def validate_label(self, field: Field) -> None:
        """It is one line."""
        if not field.data.strip():
            raise ValidationError(NAMELESS)
        if not field.data.isprintable():
            raise ValidationError("A label is one line.")

    def validate_ends(self, field: Field) -> None:
        """A date is there when it is to end on one, and it is not over."""
        if field.data != ON_A_DATE:
            return
        if not (self.day.raw_data or [""])[0].strip():
            raise ValidationError("Choose the date.")
        if self.day.data is None:
            # It says so itself.
            return
        if self.day.data < self.today:
            raise ValidationError("That day is over. Choose a later one.")

    def validate_uses(self, field: Field) -> None:
        """It is a number, or nothing."""
        typed = (field.data or "").strip()
        is_number = typed.isascii() and typed.isdigit() and len(typed) <= len(str(MOST_USES))
        if typed and not (is_number and 1 <= int(typed) <= MOST_USES):
            raise ValidationError(f"A number from 1 to {grouped(MOST_USES)}, or nothing.")

    def validate_password(self, field: Field) -> None:
        """It is long enough, or nothing."""
        least, most = PASSWORD_CHARACTERS
        if field.data and not least <= len(field.data) <= most:
            raise ValidationError(TOO_SHORT)


def uses(share: Share) -> str:
    """How often a link was used, of how often it may be."""
    if share.max_uses is None:
        return plural(share.uses, "use", "uses") if share.uses else "not used yet"
    return f"{grouped(share.uses)} of {plural(share.max_uses, 'use', 'uses')}"


def when(moment: datetime, now: datetime) -> str:
    """When a link was used: how long ago, or on which day."""
    if now - moment >= timedelta(days=2):
        return long_day(moment.date().isoformat())
    ago = age(moment, now)
    return ago if ago == "now" else f"{ago} ago"
