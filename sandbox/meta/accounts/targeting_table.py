"""What people can be found by: interests, behaviours and demographics. All names are plain words, all ids made up.

Sizes are drawn from the name, so that they are the same in every sandbox.
"""

from dataclasses import dataclass
from typing import Any, Final

from sandbox.market.dice import object_key

_INTERESTS: Final = {
    "Food and drink": "Cooking,Baking,Coffee,Tea,Wine,Vegetarian cuisine,Restaurants,Healthy eating,Grilling",
    "Sports and outdoors": "Running,Cycling,Hiking,Camping,Football,Basketball,Tennis,Swimming,Surfing,Skiing,Padel",
    "Fitness and wellness": "Yoga,Pilates,Physical fitness,Meditation,Gyms,Weight training",
    "Shopping and fashion": "Online shopping,Fashion accessories,Shoes,Jewelry,Boutiques,Luxury goods,Discount stores",
    "Hobbies and activities": "Photography,Gardening,Home improvement,Crafts,Travel,Board games,Dogs,Cats,Drawing",
    "Entertainment": "Music,Live events,Movies,Television,Reading,Video games,Podcasts,Theatre",
    "Technology": "Smartphones,Computers,Artificial intelligence,Consumer electronics,Software",
    "Family and relationships": "Parenting,Weddings,Motherhood,Fatherhood,Family",
    "Business and industry": "Entrepreneurship,Small business,Marketing,Personal finance,Real estate,Higher education",
}
_BEHAVIORS: Final = {
    "Purchase behavior": "Engaged shoppers",
    "Mobile device user": "Smartphone owners,Tablet owners,Wi-Fi users,4G connection,5G connection",
    "Travel": "Frequent travelers,Commuters,Frequent international travelers",
    "Digital activities": "Page admins,Small business owners,Early technology adopters",
}
_DEMOGRAPHICS: Final = {
    "Life events": "Newlywed (1 year),New job,Recently moved,Anniversary within 30 days,Away from hometown",
    "Parents": "Parents (All),Parents with toddlers (01-02 years),Parents with teenagers (13-17 years)",
    "Education": "College grad,Master's degree,In college",
    "Relationship": "Engaged,Married,Single",
}
_TYPES: Final = {
    "Life events": "life_events", "Parents": "family_statuses", "Education": "education_statuses",
    "Relationship": "relationship_statuses",
}  # fmt: skip
_LEAST, _MOST = 2_000_000, 900_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One thing to aim at; `kind` is the key under which a targeting spec names it."""

    kind: str
    id: str
    name: str
    path: tuple[str, ...]
    people: int

    @property
    def audience(self) -> dict[str, int]:
        """How many people it finds, as the bounds that are told."""
        return {"audience_size_lower_bound": int(self.people * 0.85), "audience_size_upper_bound": self.people}


def _categories(kind: str, root: str, table: dict[str, str]) -> list[Category]:
    found: list[Category] = []
    for topic, names in table.items():
        for name in names.split(","):
            luck = object_key(0, *f"{root}/{topic}/{name}".encode())
            own_id = f"600{luck % 10**10:010d}"
            people = int(_LEAST * (_MOST / _LEAST) ** (luck % 9_973 / 9_973))
            found.append(
                Category(
                    kind=_TYPES.get(topic, kind), id=own_id, name=name, path=(root, topic, name),
                    people=people // 10_000 * 10_000,
                )
            )  # fmt: skip
    return found


INTERESTS: Final = tuple(_categories("interests", "Interests", _INTERESTS))
BEHAVIORS: Final = tuple(_categories("behaviors", "Behaviors", _BEHAVIORS))
DEMOGRAPHICS: Final = tuple(_categories("demographics", "Demographics", _DEMOGRAPHICS))
CATALOG: Final = (*INTERESTS, *BEHAVIORS, *DEMOGRAPHICS)
BY_ID: Final = {category.id: category for category in CATALOG}


def found(text: str, categories: tuple[Category, ...] = CATALOG) -> list[Category]:
    """Return what a text finds: names that begin with it first, then names and topics that hold it."""
    wanted = text.casefold().strip()
    starts = [one for one in categories if one.name.casefold().startswith(wanted)]
    others = [one for one in categories if one not in starts and any(wanted in part.casefold() for part in one.path)]
    return starts + others


def named(value: Any, categories: tuple[Category, ...] = CATALOG) -> Category | None:
    """Return the category of that name or id; None where there is none."""
    text = str(value).casefold().strip()
    return next((one for one in categories if text in (one.id, one.name.casefold())), None)
