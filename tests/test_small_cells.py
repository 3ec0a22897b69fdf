"""Small numbers go together, so that neither an answer nor the difference of two tells of few people."""

import pytest

from insurance.small_cells import GROUPS, OTHER, VillageCount, merge_small, open_cells


@pytest.mark.parametrize(
    ("groups", "shown"),
    [
        ((20, 10, 7, 6), {"protected": 20, "grace": 10, "lapsed": 7, "waiting": 6}),
        ((20, 10, 3, 6), {"protected": 20, "waiting": 6, OTHER: 13}),
        ((20, 2, 3, 6), {"protected": 20, "waiting": 6, OTHER: 5}),
        ((20, 1, 2, 6), {"protected": 20, OTHER: 9}),
        ((20, 3, 0, 0), {}),
        ((3, 0, 0, 0), {}),
    ],
)
def test_small_groups_are_merged_until_two_at_least_are_hidden(groups: tuple[int, ...], shown: dict[str, int]) -> None:
    counted = VillageCount(sum(groups), dict(zip(GROUPS, groups, strict=True)))
    assert merge_small(counted, 5) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        ((10, 6, 0, 0), (20, 12, 0, 0), {"protected": 10, "grace": 6, "lapsed": 0, "waiting": 0}),
        ((10, 6, 0, 0), (20, 12, 3, 0), {"protected": 10, "waiting": 0, OTHER: 6}),
        ((10, 6, 5, 0), (20, 8, 10, 0), {"protected": 10, "waiting": 0, OTHER: 11}),
        ((10, 6, 0, 0), (12, 8, 0, 0), {}),
    ],
)
def test_a_group_of_a_part_is_small_too_where_the_rest_of_it_is(
    part: tuple[int, ...], whole: tuple[int, ...], shown: dict[str, int]
) -> None:
    def counted(numbers: tuple[int, ...]) -> VillageCount:
        return VillageCount(sum(numbers), dict(zip(GROUPS, numbers, strict=True)))

    assert merge_small(counted(part), 5, counted(whole)) == shown


@pytest.mark.parametrize(
    ("cells", "rest", "told"),
    [
        ({"001/001": 9, "002/001": 8}, 0, {"001/001", "002/001"}),
        ({"001/001": 9, "002/001": 8}, 3, {"001/001"}),
        ({"001/005": 14, "002/005": 15, "003/005": 1, "001/006": 11}, 0, {"002/005", "001/006"}),
        ({"001/005": 14, "002/005": 3, "003/005": 4, "001/006": 11}, 0, {"001/005", "001/006"}),
        ({"001/005": 14, "002/005": 3, "001/006": 11}, 0, {"001/006"}),
        ({"001/005": 4}, 20, set()),
        ({}, 20, set()),
    ],
)
def test_of_neighbours_those_are_told_whose_others_are_no_small_number(
    cells: dict[str, int], rest: int, told: set[str]
) -> None:
    assert open_cells(cells, rest, 5) == told
