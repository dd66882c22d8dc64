"""`stakazo tower`: the control tower as a process; the supervisor and docker-compose start it, people seldom do."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tower")(tower)


def tower() -> None:
    """Run the control tower until it is told to stop (Ctrl-C, SIGTERM).

    Every 5 s it sees to it that workers consume what they should, every 30 s it rings rows that wait too long, and it
    plans missed slots. More than one may run: one leads. `stakazo up` starts it by itself. Example: stakazo tower
    """
    from workers.tower import run_tower  # late: only this process needs the tower's loop

    run_tower()
