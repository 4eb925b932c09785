"""People of many countries, as Faker makes them up: the machine of each, and what of it could slip into a text.

The locales are those whose names are their own. The same seed gives the same people.
"""

from __future__ import annotations

import pkgutil
from functools import cache

import faker.providers.person
from faker import Faker
from personal import SLASH

from epochly.telemetry.tripwire import Known

PROVIDERS = [
    f"faker.providers.{name}"
    for name in ("address", "company", "date_time", "file", "internet", "lorem", "person")
]
OLD_NAMES = {"fr_QC"}  # of locales that are called otherwise now
LOCALES = tuple(
    sorted(
        {each.name for each in pkgutil.iter_modules(faker.providers.person.__path__) if each.ispkg}
        - OLD_NAMES
    )
)
HALF = LOCALES[::2]  # what a quick test takes


@cache
def maker(locale):
    """Faker for a locale, with no provider that is not needed: all of them take ten times as long."""
    return Faker(locale, providers=PROVIDERS)


def somebody(locale, seed=0):
    """What a machine of somebody knows, in the shapes in which a system has it."""
    fake = maker(locale)
    fake.seed_instance(f"{locale} {seed}")
    user, name = fake.user_name(), fake.name()
    home = f"{SLASH}home{SLASH}{user}"
    return Known(
        users=(user, name),
        homes=(home, f"C:\\Users\\{name}"),
        hosts=(fake.hostname(2), f"{user}-{fake.domain_word()}"),
        folders=(f"{home}/{fake.domain_word()}", fake.file_path(depth=4).rpartition("/")[0]),
        emails=(fake.email(), fake.company_email()),
        macs=(bytes.fromhex(fake.mac_address().replace(":", "")),),
        addresses=(fake.ipv4_private(), fake.ipv4_public(), fake.ipv6()),
    )


def told(known):
    """Every text that names a machine or its user."""
    yield from (*known.users, *known.homes, *known.hosts, *known.folders, *known.emails, *known.addresses)
    yield from (f"{home}/notes/app.py" for home in known.homes)
    yield from (word for name in known.users for word in name.split() if len(word) >= 4)
    yield from (host.partition(".")[0] for host in known.hosts)
    for mac in known.macs:
        plain = mac.hex(":")
        yield from (plain, plain.upper(), mac.hex("-"), mac.hex(), str(int(mac.hex(), 16)))


def strangers(locale, count):
    """Texts of people that nobody was told of, whose form speaks for itself."""
    fake = maker(locale)
    fake.seed_instance(f"strangers of {locale}")
    for _ in range(count):
        yield from (fake.email(), fake.ascii_email(), fake.company_email(), fake.url(), fake.uri())
        yield from (fake.ipv4(), fake.ipv4_private(), fake.ipv6(), fake.mac_address())
        user = fake.user_name()
        yield from (f"{SLASH}{folder}{SLASH}{user}" for folder in ("home", "Users", "root", "data"))
        yield from (f"C:\\Users\\{fake.name()}", f"\\\\{fake.domain_word()}\\{user}", f"~{user}/x")
        yield from (fake.file_path(depth=3), f"{SLASH}home{SLASH}{fake.name()}/x")
