"""What may be said of counts so that nobody is made out: small numbers go together, two at least (rulings 12)."""

from collections.abc import Mapping
from dataclasses import dataclass

# The order in which a head reads them; `other` is what small groups were merged into.
GROUPS = ("protected", "grace", "lapsed", "waiting")
OTHER = "other"
_BEHIND = frozenset({"grace", "lapsed"})


@dataclass(frozen=True)
class VillageCount:
    """How many workers of a village are enrolled, and how many of those in each of GROUPS."""

    enrolled: int
    groups: Mapping[str, int]
    joined: int = 0
    """Of those, how many in the last seven days."""

    @property
    def behind(self) -> int:
        """In arrears, the term of the field: *menunggak*."""
        return self.groups["grace"] + self.groups["lapsed"]


NOBODY = VillageCount(0, dict.fromkeys(GROUPS, 0))


def is_small(number: int, small_cell_min: int) -> bool:
    return 0 < number < small_cell_min


def merge_small(counted: VillageCount, small_cell_min: int, whole: VillageCount | None = None) -> Mapping[str, int]:
    """The groups as they may be shown: small ones are merged into OTHER, always two at least.

    A single hidden group could be had by subtraction; an empty answer means that nothing but the whole may be shown.
    Of a part of a village, `whole` is what the village has: a group is small too where the rest of the village is.
    Who is behind is told as one number elsewhere, so of grace and lapsed both are shown or neither.
    """
    shown = dict(counted.groups)

    def small(group: str) -> bool:
        rest = whole.groups[group] - shown[group] if whole else 0
        return is_small(shown[group], small_cell_min) or is_small(rest, small_cell_min)

    hidden = {group for group in GROUPS if small(group)}
    if not hidden:
        return shown
    if hidden & _BEHIND:
        hidden |= _BEHIND
    other = sum(shown.pop(group) for group in hidden)
    while shown and (other < small_cell_min or len(hidden) < 2):
        smallest = min(shown, key=lambda group: (shown[group] == 0, shown[group]))
        more = _BEHIND if smallest in _BEHIND else {smallest}
        hidden |= more
        other += sum(shown.pop(group) for group in more)
    return {**shown, OTHER: other} if any(shown.values()) else {}


def may_say_behind(counted: VillageCount, groups: Mapping[str, int], small_cell_min: int) -> bool:
    """Whether the number of who is behind, beside the groups as they are shown, tells of no small one."""
    rest = groups.get(OTHER, 0) - counted.behind if not groups.keys() >= _BEHIND else 0
    return not is_small(counted.behind, small_cell_min) and not is_small(rest, small_cell_min)


def open_cells(cells: Mapping[str, int], rest: int, small_cell_min: int) -> set[str]:
    """Of RTs by `003/005`, those whose numbers may be told, with `rest` people of the village in none of them.

    The others of an RW, and of the village, are two at least and no small number together: whoever takes what is told
    of RTs from what is told of their RW or village is left with them all.
    """
    hidden = {name for name, number in cells.items() if is_small(number, small_cell_min)}
    for rw in {name[-3:] for name in cells}:
        _hide_more(hidden, {name: number for name, number in cells.items() if name[-3:] == rw}, small_cell_min)
    if is_small(rest, small_cell_min):
        hidden.add("")
    _hide_more(hidden, {**cells, "": rest}, small_cell_min)
    return set(cells) - hidden


def _hide_more(hidden: set[str], cells: Mapping[str, int], small_cell_min: int) -> None:
    """Adds the smallest of `cells` to those of them that are hidden already, until they are enough."""
    ours = hidden & cells.keys()
    left = sorted(cells.keys() - ours, key=lambda name: (cells[name], name))
    while ours and left and (len(ours) < 2 or sum(cells[name] for name in ours) < small_cell_min):
        ours.add(left.pop(0))
    hidden |= ours
