"""Words of a name as keyed hashes, and whom they find: a name itself is sealed, and nothing here can be read back."""

import re
from collections.abc import Sequence

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from insurance.operators import Sight
from insurance.work import Work
from models import Membership, Worker, WorkerWord

WORDS_MAX = 6
_WORD = re.compile(r"[a-z0-9']{2,}")
INDEXED_AT_ONCE = 500


def words_of(name: str) -> list[str]:
    """`Siti Nur'aini bt. Ahmad` is siti, nuraini, bt and ahmad: as somebody types it who only heard it."""
    found = [word.replace("'", "") for word in _WORD.findall(name.casefold())]
    return [word for word in dict.fromkeys(found) if len(word) > 1][:WORDS_MAX]


def index_name(work: Work, worker: Worker, name: str) -> None:
    rows = [
        {"word_index": work.keys.index("name", word), "regency": worker.village_code[:4], "worker_id": worker.id}
        for word in words_of(name)
    ]
    if rows:
        work.db.execute(insert(WorkerWord).on_conflict_do_nothing(), rows)


# The first word's entries in the order of their key, each asked for in the others' by key: paged by that key too.
_FIRST = "SELECT a.regency, a.worker_id FROM worker_words a WHERE a.word_index = :w0"
_ALSO = (
    " AND EXISTS (SELECT FROM worker_words b WHERE b.word_index = :w{n} AND b.regency = a.regency "
    "AND b.worker_id = a.worker_id)"
)
_HERE = " AND a.regency = ANY(CAST(:regencies AS varchar[]))"
# How many have a word, as far as it matters.
_SOME = "SELECT count(*) FROM (SELECT FROM worker_words a WHERE a.word_index = :word{here} LIMIT 1000) AS found"
_PAGE = " AND (a.regency, a.worker_id) > (:regency, :after) ORDER BY a.regency, a.worker_id LIMIT :most"


def named(work: Work, sight: Sight, name: str, after: tuple[str, int], most: int) -> Sequence[tuple[str, int]]:
    """(regency, worker id) of those who have all these words in their names, past `after`, at most `most`."""
    words = [work.keys.index("name", word) for word in words_of(name)]
    if not words:
        return []
    values: dict[str, object] = {"regency": after[0], "after": after[1], "most": most}
    here = ""
    if sight.regencies is not None:
        here, values["regencies"] = _HERE, list(sight.regencies)
    # The rarest first: a million of a common name would be gone through for the one that also has the other word.
    words.sort(key=lambda word: int(work.db.scalar(text(_SOME.format(here=here)), {**values, "word": word}) or 0))
    values |= {f"w{n}": word for n, word in enumerate(words)}
    sql = _FIRST + "".join(_ALSO.format(n=n) for n in range(1, len(words))) + here
    return [(regency, worker_id) for regency, worker_id in work.db.execute(text(sql + _PAGE), values)]


def index_some(work: Work, after: int) -> tuple[int | None, int]:
    """Index INDEXED_AT_ONCE workers past `after` anew, names and KPJ; the last one's id or None, and how many.

    For members who were there before the index was, and for an index that was lost.
    """
    query = (
        select(Membership)
        .join(Worker)
        .where(Worker.id > after, Worker.data_key != b"")
        .order_by(Worker.id)
        .limit(INDEXED_AT_ONCE)
    )
    members = work.db.scalars(query.with_for_update(of=Membership)).unique().all()
    for member in members:
        box = work.box(member.worker)
        index_name(work, member.worker, box.open(member.worker.name_sealed, "worker.name"))
        if member.kpj_sealed is not None:
            member.kpj_index = work.keys.index("kpj", box.open(member.kpj_sealed, "membership.kpj"))
    return members[-1].worker_id if members else None, len(members)
