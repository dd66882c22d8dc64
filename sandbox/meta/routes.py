"""All rows of this dialect, gathered from the files that answer them: a new edge is a row beside its handler."""

from collections.abc import Iterable
from itertools import chain

from sandbox.meta.accounts import activities, estimates, search, targeting
from sandbox.meta.accounts import edges as account_edges
from sandbox.meta.accounts import reads as account_reads
from sandbox.meta.accounts import updates as account_updates
from sandbox.meta.batches.queued import AsyncBatches
from sandbox.meta.insights.runs import ReportRuns
from sandbox.meta.insights.tables import InsightTables
from sandbox.meta.media import images, uploads, videos
from sandbox.meta.objects import budget_schedules, copies, creates, labels, mass_delete, previews, reads, updates
from sandbox.meta.people import audiences, pages, pixels, studies, subscriptions, tokens
from sandbox.meta.people import me as people
from sandbox.meta.people.audience_users import AudienceUsers
from sandbox.meta.people.conversions import EventsEdge
from sandbox.meta.route import Route

RouteTable = dict[tuple[str, str, str], Route]


def all_routes(tables: InsightTables) -> tuple[Route, ...]:
    """Return every row; `tables` are the figures of one running dialect."""
    parts: Iterable[Iterable[Route]] = (
        account_reads.ROUTES,
        account_updates.ROUTES,
        activities.ROUTES,
        AsyncBatches().routes(),
        AudienceUsers().routes(),
        audiences.ROUTES,
        copies.ROUTES,
        subscriptions.ROUTES,
        budget_schedules.ROUTES,
        studies.ROUTES,
        estimates.ROUTES,
        EventsEdge().routes(),
        creates.ROUTES,
        images.ROUTES,
        uploads.ROUTES,
        videos.ROUTES,
        account_edges.ROUTES,
        pages.ROUTES,
        people.ROUTES,
        pixels.ROUTES,
        tokens.ROUTES,
        labels.ROUTES,
        mass_delete.ROUTES,
        previews.ROUTES,
        reads.routes({"account": previews.account_of, "insights": tables.page, "previews": previews.of_ad}),
        search.ROUTES,
        targeting.ROUTES,
        updates.ROUTES,
        ReportRuns(tables).routes(),
        tables.routes(),
    )
    return tuple(chain.from_iterable(parts))


def by_place(routes: Iterable[Route]) -> RouteTable:
    """Return the rows by (of, edge, method).

    Raises:
        ValueError: two rows answer the same call.
    """
    table: RouteTable = {}
    for route in routes:
        place = (route.of, route.edge, route.method)
        if place in table:
            message = f"two handlers for {route.key}"
            raise ValueError(message)
        table[place] = route
    return table
