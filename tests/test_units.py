"""The small shared values: money, months, phones, NIK, the clock, and GSM 03.38 against two codecs of others."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import gsm0338
import pytest
import smsutil
from hypothesis import example, given
from hypothesis import strategies as st

from units.clock import JAKARTA, jakarta_day, next_daytime, system_clock
from units.gsm import NotGsm, septets, shorten, to_gsm
from units.money import rupiah, snap_value
from units.month import add_months, day_text, last_day, month_name, month_of, parse_month
from units.nik import NotANik, parse_nik
from units.phone import NotAPhone, canonical_phone, masked_tail
from ussd.engine import clean

TODAY = date(2026, 11, 22)
SITI = "+6281234567890"
MAKASSAR, JAYAPURA = ZoneInfo("Asia/Makassar"), ZoneInfo("Asia/Jayapura")
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
months = st.dates(date(1990, 1, 1), date(2100, 12, 31)).map(month_of)


@pytest.mark.parametrize(("amount_rp", "said"), [(0, "Rp0"), (28400, "Rp28.400"), (1_234_567, "Rp1.234.567")])
def test_an_amount_is_said_with_dots_between_thousands(amount_rp: int, said: str) -> None:
    assert rupiah(amount_rp) == said


@given(st.integers(0, 10**12))
def test_what_is_said_and_what_a_bank_reads_are_the_same_amount(amount_rp: int) -> None:
    assert int(rupiah(amount_rp).removeprefix("Rp").replace(".", "")) == amount_rp
    assert re.fullmatch(r"(0|[1-9]\d*)\.00", snap_value(amount_rp))
    assert int(snap_value(amount_rp)[:-3]) == amount_rp


def test_a_month_ends_on_its_last_day_in_leap_years_too() -> None:
    days = [last_day(date(year, month, 1)) for year, month in ((2026, 11), (2026, 12), (2027, 2), (2028, 2))]
    assert days == [date(2026, 11, 30), date(2026, 12, 31), date(2027, 2, 28), date(2028, 2, 29)]


@given(months, st.integers(-400, 400))
def test_months_added_and_taken_away_lead_back_and_read_back_as_written(month: date, count: int) -> None:
    there = add_months(month, count)
    assert there.day == 1
    assert add_months(there, -count) == month
    assert (there > month) == (count > 0)
    assert month_of(last_day(there)) == there
    assert last_day(there) + timedelta(days=1) == add_months(there, 1)
    assert parse_month(f"{there:%Y-%m}") == there


@pytest.mark.parametrize(
    "typed", ["", "2026-13", "2026-00", "2026-1", "26-11", "2026/11", "2026-11-01", " 2026-11", "2026-11\n", "0000-01"]
)
def test_what_is_no_month_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"YYYY-MM|year 0"):
        parse_month(typed)


def test_months_and_days_are_named_as_a_caller_reads_them() -> None:
    assert month_name(date(2026, 12, 1), "id") == "Des 2026"
    assert month_name(date(2026, 12, 1), "en") == "Dec 2026"
    assert day_text(date(2027, 2, 3)) == "03-02-2027"


SPELLINGS = ("0812-3456-7890", "6281234567890", "006281234567890", "81234567890", "+62 812 3456 7890", SITI + "\n")


@pytest.mark.parametrize("typed", [SITI, *SPELLINGS, " 0812 3456 7890 ", "(0812) 3456.7890", "+62 (0)812 3456 7890"])
def test_every_spelling_of_one_number_is_one_number(typed: str) -> None:
    assert canonical_phone(typed) == SITI


# Malaysian, American, a fixed line in Jakarta twice, a prefix that is not mobile.
FOREIGN = ("+60123456789", "+12025550143", "02112345678", "6221234567890", "084123456789")
WRONG_LENGTHS = ("0812345", "08123456789012", "+6281234567890123", "081234567890;081234567891")


@pytest.mark.parametrize("typed", ["", "+", "00", "abc", *FOREIGN, *WRONG_LENGTHS])
def test_what_is_no_indonesian_mobile_number_is_refused(typed: str) -> None:
    with pytest.raises(NotAPhone) as refused:
        canonical_phone(typed)
    assert not re.search(r"\d", str(refused.value)), "a refusal shows no digit"


@given(st.sampled_from(["812", "857", "899"]), st.from_regex(r"[0-9]{7,8}", fullmatch=True), st.booleans())
def test_a_canonical_number_stays_as_it_is(prefix: str, rest: str, zero: bool) -> None:
    number = canonical_phone(("0" if zero else "62") + prefix + rest)
    assert number == f"+62{prefix}{rest}"
    assert canonical_phone(number) == number


@given(st.text(max_size=20) | st.from_regex(r"\+628\d{8,11}", fullmatch=True))
@example("+6281" + "23456789".translate(WIDE))
@example("0812-3456-7890".translate(WIDE))
def test_a_number_is_canonical_in_plain_digits_or_it_is_refused(typed: str) -> None:
    try:
        number = canonical_phone(typed)
    except NotAPhone:
        return
    assert re.fullmatch(r"\+628[0-9]{8,11}", number)


def test_only_the_last_four_digits_are_shown() -> None:
    assert masked_tail("1140012345") == "***2345"


def nik(region: str = "359901", birth: str = "450385", serial: str = "0007") -> str:
    return region + birth + serial


BIRTHS = [
    *(("450385", "1985-03-05", True), ("170890", "1990-08-17", False), ("010111", "2011-01-01", False)),
    *(("410100", "2000-01-01", True), ("710100", "2000-01-31", True), ("310100", "2000-01-31", False)),
    # Leap days; 1900 had none.
    *(("290204", "2004-02-29", False), ("690288", "1988-02-29", True), ("290200", "2000-02-29", False)),
    # 109 years old, for in 2016 it would be a child of nine; ten years old today, for in 1916 it would be 110.
    *(("231116", "1916-11-23", False), ("221116", "2016-11-22", False)),
]


@pytest.mark.parametrize(("birth", "born", "woman"), BIRTHS)
def test_birth_and_sex_are_read_in_the_century_that_makes_a_worker(birth: str, born: str, woman: bool) -> None:
    read = parse_nik(nik(birth=birth), TODAY)
    assert (read.birth, read.woman) == (date.fromisoformat(born), woman)


BAD_DAYS, BAD_MONTHS = ("000185", "320185", "400185", "720185", "990185"), ("010085", "011385")


@pytest.mark.parametrize("birth", [*BAD_DAYS, *BAD_MONTHS, "290201", "690201", "300285", "310485", "710485"])
def test_a_date_that_never_was_is_refused(birth: str) -> None:
    with pytest.raises(NotANik, match=r"^date$"):
        parse_nik(nik(birth=birth), TODAY)


@given(st.dates(date(1916, 11, 23), date(2016, 11, 22)), st.booleans())
def test_every_birth_from_10_to_109_years_ago_is_read_back(born: date, woman: bool) -> None:
    read = parse_nik(nik(birth=f"{born.day + 40 * woman:02}{born:%m%y}"), TODAY)
    assert (read.birth, read.woman) == (born, woman)
    assert 10 <= read.age_on(TODAY) < 110


def test_age_turns_on_the_birthday() -> None:
    read = parse_nik(nik(birth="221196"), TODAY)
    assert [read.age_on(TODAY + timedelta(days=days)) for days in (-1, 0, 1)] == [29, 30, 30]


@pytest.mark.parametrize("province", ["91", "92", "93", "94", "95", "96"])
def test_a_nik_of_papua_keeps_its_sixteen_digits(province: str) -> None:
    digits = nik(region=f"{province}0101", serial="9999")
    assert int(digits) > 2**53
    read = parse_nik(digits, TODAY)
    assert (read.digits, read.district) == (digits, f"{province}0101")


@pytest.mark.parametrize("region", ["110101", "359977", "999999", "127199"])
def test_a_district_nobody_knows_is_accepted(region: str) -> None:
    assert parse_nik(nik(region=region), TODAY).district == region


@pytest.mark.parametrize("region", ["000101", "100101", "350001", "350100"])
def test_a_region_that_cannot_be_or_a_serial_of_zeros_is_refused(region: str) -> None:
    with pytest.raises(NotANik, match=r"^region$"):
        parse_nik(nik(region=region), TODAY)
    with pytest.raises(NotANik, match=r"^serial$"):
        parse_nik(nik(serial="0000"), TODAY)


@pytest.mark.parametrize("typed", ["", "3599", nik() + "1", nik()[:-1] + "x", nik()[:-1], nik().translate(WIDE)])
def test_anything_but_sixteen_plain_digits_is_refused(typed: str) -> None:
    with pytest.raises(NotANik, match=r"^length$"):
        parse_nik(typed, TODAY)


def test_full_width_digits_are_read_because_the_call_cleans_them_and_separators_do_no_harm() -> None:
    assert parse_nik(clean(nik().translate(WIDE) + "\n"), TODAY).digits == nik()
    assert parse_nik("359901.450385 00-07", TODAY).digits == nik()


def test_a_nik_is_never_shown_by_accident() -> None:
    read = parse_nik(nik(), TODAY)
    assert nik() not in f"{read!r} {read}"
    with pytest.raises(NotANik) as refused:
        parse_nik(nik(birth="320185"), TODAY)
    assert not re.search(r"\d", str(refused.value))


def test_half_past_midnight_on_the_first_belongs_to_the_new_month() -> None:
    at = datetime(2026, 12, 1, 0, 30, tzinfo=JAKARTA).astimezone(UTC)
    assert at.date() == date(2026, 11, 30)
    assert jakarta_day(at) == date(2026, 12, 1)
    assert jakarta_day(at - timedelta(minutes=31)) == date(2026, 11, 30)
    assert system_clock().utcoffset() == timedelta(0), "and now is told in UTC"


# When a text is owed, in hours and minutes of one day, and when it leaves; past 24 is the next day.
NIGHTS = [
    *(((0, 0), (8, 0)), ((7, 59), (8, 0)), ((8, 0), (8, 0)), ((12, 30), (12, 30))),
    *(((19, 59), (19, 59)), ((20, 0), (32, 0)), ((23, 59), (32, 0))),
]


@pytest.mark.parametrize("zone", [JAKARTA, MAKASSAR, JAYAPURA], ids=["WIB", "WITA", "WIT"])
@pytest.mark.parametrize(("owed", "leaves"), NIGHTS)
def test_a_text_waits_for_eight_in_the_recipients_own_zone(
    zone: ZoneInfo, owed: tuple[int, int], leaves: tuple[int, int]
) -> None:
    midnight = datetime(2026, 11, 22, tzinfo=zone).astimezone(UTC)
    at, expected = (midnight + timedelta(hours=hours, minutes=minutes) for hours, minutes in (owed, leaves))
    assert next_daytime(at, zone) == expected


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)))
def test_a_text_never_waits_longer_than_a_night_and_leaves_by_day(at: datetime) -> None:
    for zone in (JAKARTA, MAKASSAR, JAYAPURA):
        sent = next_daytime(at, zone)
        assert timedelta(0) <= sent - at <= timedelta(hours=12)
        assert 8 <= sent.astimezone(zone).hour < 20


def oracle_septets(text: str) -> int | None:
    """Septets by the codecs of others, None where there is no way to say it.

    ESC is in their tables as the way to the second table; as a character of its own it is no text, and not ours.
    """
    try:
        sizes = {len(gsm0338.Codec().encode(text)[0]), len(text.encode("gsm0338"))}
    except UnicodeEncodeError:
        return None
    assert len(sizes) == 1, "the oracles differ"
    return None if "\x1b" in text else sizes.pop()


def our_septets(text: str) -> int | None:
    try:
        return septets(text)
    except NotGsm:
        return None


def test_both_oracles_agree_with_us_on_every_letter_up_to_2fff() -> None:
    differing = [hex(point) for point in range(0x20, 0x3000) if our_septets(chr(point)) != oracle_septets(chr(point))]
    assert differing == []
    assert sum(our_septets(chr(point)) is not None for point in range(0x20, 0x3000)) > 100


@given(st.text() | st.text(alphabet="abcÅΔ ^{}[]~|€\\\n\r\f?çÇ"))
def test_a_whole_text_counts_as_the_oracles_count(text: str) -> None:
    assert our_septets(text) == oracle_septets(text)
    if our_septets(text) is not None:
        assert smsutil.split(text).total_bytes == septets(text)


def test_the_refusal_names_the_letter() -> None:
    with pytest.raises(NotGsm, match="'ç'"):
        septets("Çaça")


@given(st.text())
def test_any_text_has_a_gsm_spelling_which_stays_as_it_is(text: str) -> None:
    spelt = to_gsm(text)
    assert our_septets(spelt) is not None
    assert to_gsm(spelt) == spelt
    assert bool(spelt) == bool(text)
    if our_septets(text) is not None:
        assert spelt == text


SPELT = [
    *(("Siti", "Siti"), ("Nurçahya Hâmid", "Nurcahya Hamid"), ("é à ñ", "é à ñ"), ("[x] €5", "[x] €5")),
    *(("Ma’ruf “Udin” – Ali…", 'Ma\'ruf "Udin" - Ali...'), ("Siti 😀\0", "Siti ??"), ("１２３", "123")),
    # A combining accent alone has no place.
    *(("a\tb", "a b"), ("e\u0301", "e?")),
]


@pytest.mark.parametrize(("typed", "spelt"), SPELT)
def test_typed_words_keep_what_gsm_can_say(typed: str, spelt: str) -> None:
    assert to_gsm(typed) == spelt


@pytest.mark.parametrize(
    ("name", "septets_max", "cut"),
    [("Siti Rahmawati", 8, "Siti R.."), ("Siti Rahmawati", 7, "Siti.."), ("[[[[", 8, "[[[["), ("[[[[[", 8, "[[[..")],
)
def test_a_name_is_cut_with_two_dots_and_one_that_fits_is_not(name: str, septets_max: int, cut: str) -> None:
    assert shorten(name, septets_max) == cut


@given(st.text(), st.integers(2, 40))
def test_what_was_cut_fits_and_says_that_it_was_cut(text: str, septets_max: int) -> None:
    whole, cut = to_gsm(text), shorten(text, septets_max)
    assert septets(cut) <= septets_max
    assert cut == whole or (cut.endswith("..") and whole.startswith(cut[:-2]) and septets(whole) > septets_max)
