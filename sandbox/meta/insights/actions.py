"""The fields of an insights row that list actions: what was done, worth or paid, by type and attribution window.

An entry's text ends in a comma; a row's entries are joined and lose the last one.
"""

from collections.abc import Callable, Sequence
from typing import Final

from sandbox.meta.insights.columns import Columns, Ints, entries_of, values_of

PURCHASE_TYPES: Final = ("purchase", "omni_purchase", "offsite_conversion.fb_pixel_purchase")
_CLICK_WINDOWS: Final = frozenset({"1d_click", "7d_click", "28d_click", "default"})
Texts = list[str]


def listed(name: str, entries: Sequence[Texts]) -> Texts:
    """Return a field of lists from its entries, kind by kind; a row without an entry lacks the field."""
    head = f'"{name}":['
    rows = entries[0] if len(entries) == 1 else map("".join, zip(*entries, strict=True))
    return [f"{head}{row[:-1]}]," if row else "" for row in rows]


def ratios(columns: Columns, numbers: Ints) -> Texts:
    """Return what each of some counts cost, '' where there was none."""
    offset = columns.offset
    return [f"{spent / offset / n:.6f}" if n else "" for spent, n in zip(columns["spend"], numbers, strict=True)]


def entries(kinds: tuple[str, ...], values: Texts, tail: str, windows: Sequence[tuple[str, Texts]] = ()) -> Texts:
    """Return one figure's entries of each row under some kinds, '' where it has no value."""
    heads = [f'{{"action_type":"{kind}","value":"' for kind in kinds]
    if not windows:
        tail = f'"{tail},'
        return ["".join([f"{head}{value}{tail}" for head in heads]) if value else "" for value in values]
    keys = [f'"{key}":"' for key, _ in windows]
    found = []
    for value, *by in zip(values, *(column for _, column in windows), strict=True):
        if value:
            told = ",".join([f'{key}{text or "0"}"' for key, text in zip(keys, by, strict=True)])
            found.append("".join([f'{head}{value}",{told}{tail},' for head in heads]))
        else:
            found.append("")
    return found


def by_window(columns: Columns, window: str, group: str) -> Ints:
    """Return purchases (group "n") or their values ("v") as one attribution window counts them."""
    whole = columns["purchases" if group == "n" else "value"]
    match window:
        case "default":
            return whole
        case "1d_view":
            return [a - b for a, b in zip(whole, columns[f"{group}:7d_click"], strict=True)]
        case "28d_click":
            late = columns[f"{group}:28d_late"]
            return [a + b for a, b in zip(columns[f"{group}:7d_click"], late, strict=True)]
        case _:
            return columns[f"{group}:{window}"]


def _on_platform(columns: Columns) -> list[tuple[tuple[str, ...], Ints]]:
    """Return the actions on the platform itself, by type."""
    found: list[tuple[tuple[str, ...], Ints]] = [(("link_click",), columns["inline_link_clicks"])]
    if columns.has("landing"):
        found += [(("landing_page_view",), columns["landing"]), (("post_reaction",), columns["reaction"])]
        found += [(("video_view",), columns["video_view"]), (("post_engagement", "page_engagement"), engaged(columns))]
    return found


def engaged(columns: Columns) -> Ints:
    """Return clicks of all kinds and videos viewed."""
    return [a + b for a, b in zip(columns["clicks"], columns["video_view"], strict=True)]


def _acted(columns: Columns, texts: Callable[[Ints], Texts]) -> list[Texts]:
    """Return the entries of actions on the platform itself, which follow their click at once."""
    found = []
    for kinds, numbers in _on_platform(columns):
        values = texts(numbers)
        none = [""] * len(values)
        windows = [(key, values if key in _CLICK_WINDOWS else none) for key in columns.windows]
        found.append(entries(kinds, values, columns.acted_tail, windows))
    return found


def _bought(columns: Columns, group: str, texts: Callable[[Ints], Texts]) -> Texts:
    """Return the entries about purchases, under all their names."""
    windows = [(key, texts(by_window(columns, key, group))) for key in columns.windows]
    values = texts(columns["purchases" if group == "n" else "value"])
    return entries(PURCHASE_TYPES, values, columns.bought_tail, windows)


def actions(columns: Columns) -> Texts:
    """Return `actions`."""
    if columns.windows:
        count = values_of().column
        return listed("actions", [*_acted(columns, count), _bought(columns, "n", count)])
    found = [entries_of(kinds, columns.acted_tail).column(numbers) for kinds, numbers in _on_platform(columns)]
    found.append(entries_of(PURCHASE_TYPES, columns.bought_tail).column(columns["purchases"]))
    return listed("actions", found)


def action_values(columns: Columns) -> Texts:
    """Return `action_values`."""
    if columns.windows:
        return listed("action_values", [_bought(columns, "v", values_of(columns.offset).column)])
    kept = entries_of(PURCHASE_TYPES, columns.bought_tail, columns.offset)
    return listed("action_values", [kept.column(columns["value"])])


def action_costs(columns: Columns) -> Texts:
    """Return `cost_per_action_type`."""
    found = _acted(columns, lambda numbers: ratios(columns, numbers))
    return listed("cost_per_action_type", [*found, _bought(columns, "n", lambda numbers: ratios(columns, numbers))])


def roas(name: str, kind: str) -> Callable[[Columns], Texts]:
    """Return a field of the return on ad spend under one kind of purchase."""

    def texts(columns: Columns, minors: Ints) -> Texts:
        pairs = zip(minors, columns["spend"], strict=True)
        return [f"{value / spent:.6f}" if value and spent else "" for value, spent in pairs]

    def get(columns: Columns) -> Texts:
        windows = [(key, texts(columns, by_window(columns, key, "v"))) for key in columns.windows]
        return listed(name, [entries((kind,), texts(columns, columns["value"]), columns.bought_tail, windows)])

    return get


def alone(name: str, kind: str, texts: Callable[[Columns], Texts]) -> Callable[[Columns], Texts]:
    """Return a field that lists one action."""
    return lambda columns: listed(name, [entries((kind,), texts(columns), columns.acted_tail)])


def once_each(name: str, people: Callable[[Columns], Ints], *, is_cost: bool) -> Callable[[Columns], Texts]:
    """Return a field of people instead of actions; who buys is taken to buy once."""

    def get(columns: Columns) -> Texts:
        def texts(numbers: Ints) -> Texts:
            return ratios(columns, numbers) if is_cost else values_of().column(numbers)

        clicks = entries(("link_click",), texts(people(columns)), columns.acted_tail)
        return listed(name, [clicks, entries(PURCHASE_TYPES, texts(columns["purchases"]), columns.bought_tail)])

    return get
