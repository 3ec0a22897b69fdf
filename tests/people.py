"""Invented people and the ways they go through the menu; shared by tests, each step as a caller would press it."""

from handset.phone import Phone

# A woman born 05-03-1985 and a man born 17-08-1990, in a district that does not exist.
SITI_NIK, BUDI_NIK = "3599014503850007", "3599011708900003"
SITI, BUDI = "Siti Rahmawati", "Budi Santoso"
SITI_PHONE, BUDI_PHONE = "+6281234567890", "+6285700000002"
PIN = "274913"
# The sandbox bank's magic is in the last four digits (sandbox/README.md).
GOOD, NO_FUNDS, CLOSED, SILENT, WRONG_NAME = "1140012345", "1140010014", "1140010018", "1140010504", "1140010010"
SUKAMAJU = "35013"


def enrol(phone: Phone, nik: str = SITI_NIK, name: str = SITI, *, programmes: str = "2", sector: str = "1") -> str:
    """The last screen of a whole enrolment: the question whether to go on with autodebit."""
    phone.dial()
    phone.press("1", nik, name, "4", SUKAMAJU, sector, "1", programmes, PIN, PIN)
    phone.read_on()
    return phone.press("1")


def authorise(phone: Phone, account: str = GOOD, *, bank: str = "1", day: str = "2", pin: str = PIN) -> str:
    phone.dial()
    phone.press("2", bank, account, "1", day)
    phone.read_on()
    phone.press("1")
    return phone.press(pin)
