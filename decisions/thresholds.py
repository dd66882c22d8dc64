"""Thresholds as validated data: fields with closed ranges, read from JSON and written back. Knows no policy."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import ClassVar, Self

from domain.actions import Json
from domain.errors import BadInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The closed range in which a field makes sense."""

    low: float
    high: float
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Fields that are numbers, each within its bounds; a policy is one of these."""

    NAME: ClassVar[str]
    BOUNDS: ClassVar[Mapping[str, Bounds]]

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Refuse nonsense.

        Raises:
            BadInputError: names every field that is out of range, its value and the range.
        """
        found = (_problem(row.name, getattr(self, row.name), self.BOUNDS[row.name]) for row in fields(self))
        problems = [problem for problem in found if problem]
        problems = problems or list(self.disagreements())
        if problems:
            raise BadInputError("\n".join(problems))

    def disagreements(self) -> tuple[str, ...]:
        """Say which fields, each in its range, cannot stand together."""
        return ()

    @classmethod
    def from_json(cls, values: Mapping[str, Json]) -> Self:
        """Read stored or typed values; fields not named keep their defaults.

        Raises:
            BadInputError: an unknown field, or a value out of its range.
        """
        unknown = sorted(set(values) - set(cls.BOUNDS))
        if unknown:
            raise BadInputError(f"policy {cls.NAME} has no field {', '.join(unknown)}; it has {', '.join(cls.BOUNDS)}")
        found = (_problem(name, value, cls.BOUNDS[name]) for name, value in values.items())
        problems = [problem for problem in found if problem]
        if problems:
            raise BadInputError("\n".join(problems))
        return cls(**{name: _number(name, value, cls.BOUNDS[name]) for name, value in values.items()})

    def to_json(self) -> dict[str, Json]:
        """All fields, so that a change of a default does not change a stored policy."""
        return asdict(self)


def _problem(name: str, value: object, bounds: Bounds) -> str | None:
    kind = "a whole number" if bounds.whole else "a number"
    wanted = f"{name} is {value!r}; it must be {kind} from {bounds.low:g} to {bounds.high:g}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return wanted
    if bounds.whole and isinstance(value, float) and not value.is_integer():
        return wanted
    return None if bounds.low <= value <= bounds.high else wanted


def _number(name: str, value: Json, bounds: Bounds) -> int | float:
    if not isinstance(value, int | float):
        raise BadInputError(f"{name} is {value!r}; it must be a number")
    return int(value) if bounds.whole else float(value)
