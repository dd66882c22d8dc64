"""A scenario's asynchronous reports: how long they take on the platform's clock, how many fail, how large they get."""

from sandbox.scenario_row import Row, number


class ReportsSpec(Row):
    """How report runs fare; one that is too large fails however the others do."""

    seconds: float = number("Platform seconds that a report takes at least.", default=2.0, gt=0, le=86_400)
    rows_per_second: float = number("Possible rows that it gets through in a second beyond that.", default=20_000, gt=0)
    most_rows: int = number("Possible rows above which it fails as too large.", default=4_000_000, gt=0)
    failed_share: float = number("Which share of them fails, drawn from the seed.", default=0.0, ge=0, le=1)
