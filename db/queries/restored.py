"""What is changed in databases that were restored from a backup, so that nobody takes them for what they were."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from db.models.messanger import Meta
from db.models.users import SessionRow
from db.queries.products import raise_epoch
from db.queries.sessions import next_rev


def change_epoch(session: Session, epoch: str) -> None:
    """Make every cursor of a chat invalid: numbers given out after the backup will be given out again."""
    session.execute(update(Meta).where(Meta.key == "epoch").values(value=epoch))


def change_catalogue(session: Session) -> None:
    """Make every list of the catalogue be read anew."""
    raise_epoch(session, by=2**20)


def end_sessions(session: Session, now: datetime) -> int:
    """End the sessions of all who can sign in again; returns how many there were."""
    rev = next_rev(session)
    ended = (
        update(SessionRow)
        .where(SessionRow.person_id.is_not(None), SessionRow.revoked_time.is_(None))
        .values(revoked_time=now, rev=rev)
    )
    return int(session.connection().execute(ended).rowcount)
