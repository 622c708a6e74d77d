"""Sums over the seams of many cases: how often each layer held, and how often the same question went well each time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import sqlalchemy as sa

from tasks.database import Database
from tasks.facts import Filters, counted
from tasks.seams import LAYERS, Layer, case_seams
from tasks.task_list import cases

Key = Literal["intent", "tier", "kb", "day"]


class Passing(NamedTuple):
    """Of one layer: the cases that it is told of, and those of them in which it held."""

    of: int = 0
    hits: int = 0


class Seams(NamedTuple):
    """Sums over cases as one source sees them; `key` is "" where nothing is grouped by.

    `clean` are those in which no layer leaked, `end_to_end` those that went well in the end. The two differ by `mended`
    (something leaked, and yet it went well) and `held` (nothing leaked, and yet it did not).
    """

    source: str
    key: str
    cases: int
    end_to_end: int
    clean: int
    mended: int
    held: int
    layers: tuple[Passing, ...] = (Passing(),) * len(LAYERS)

    def layer(self, name: Layer) -> Passing:
        """The sums of one layer."""
        return self.layers[LAYERS.index(name)]


class Repeated(NamedTuple):
    """How many questions were asked `runs` times and went well in `hits` of them."""

    runs: int
    hits: int
    questions: int


class Meter:
    """Figures over the seams of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def grouped(self, by: Key | None, filters: Filters) -> list[Seams]:
        """The sums of each source, and of each value of `by` where one is given, in their order. One scan."""
        c, n = case_seams.c, sa.func.count()
        keys = [c.source, *([c[by]] if by else [])]
        sums: list[sa.ColumnElement[int]] = [
            n,
            _sum(c.end_to_end),
            n.filter(c.leaks == 0),
            n.filter(c.leaks > 0, c.end_to_end == 1),
            n.filter(c.leaks == 0, c.end_to_end == 0),
        ]
        for layer in LAYERS:
            sums += [sa.func.count(c[layer]), _sum(c[layer])]
        asked = sa.select(*keys, *sums).where(*counted(case_seams, filters)).group_by(*keys).order_by(*keys)
        with self._database.reading() as db:
            return [_seams(row, len(keys)) for row in db.execute(asked)]

    def repeats(self, filters: Filters) -> dict[str, list[Repeated]]:
        """Of each source: how often the same question was asked of the same knowledge base, and went well."""
        c = case_seams.c
        runs, hits = sa.func.count().label("runs"), _sum(c.end_to_end).label("hits")
        each = (
            sa.select(c.source, runs, hits)
            .where(*counted(case_seams, filters))
            .group_by(c.source, c.kb, c.alike)
            .subquery()
        )
        keys = (each.c.source, each.c.runs, each.c.hits)
        found: dict[str, list[Repeated]] = {}
        with self._database.reading() as db:
            for source, *rest in db.execute(sa.select(*keys, sa.func.count()).group_by(*keys).order_by(*keys)):
                found.setdefault(source, []).append(Repeated(*map(int, rest)))
        return found

    def examples(self, source: str, layer: Layer, filters: Filters, limit: int = 3) -> list[str]:
        """The newest cases in which a layer leaked and that are still there to be opened."""
        c = case_seams.c
        leaked = (c.source == source, c[layer] == 0, *counted(case_seams, filters))
        there = sa.exists().where(cases.c.case_id == c.case_id)
        asked = sa.select(c.case_id).where(*leaked, there).order_by(c.day.desc(), c.case_id.desc()).limit(limit)
        with self._database.reading() as db:
            return list(db.execute(asked).scalars())


def _seams(row: Sequence[object], keys: int) -> Seams:
    source, key = str(row[0]), str(row[1]) if keys > 1 else ""
    numbers = [int(str(number)) for number in row[keys:]]
    pairs = tuple(Passing(*numbers[i : i + 2]) for i in range(5, len(numbers), 2))
    cases_, end_to_end, clean, mended, held = numbers[:5]
    return Seams(source, key, cases_, end_to_end, clean, mended, held, pairs)


def _sum(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(column), 0)
