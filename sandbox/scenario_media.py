"""How a world's videos fare after their upload, as a scenario states it."""

from sandbox.scenario_row import Row, number, told


class MediaSpec(Row):
    """What happens to videos between the end of their upload and the first ad that shows them."""

    video_processing_s: float = number(
        "How long a video is processed, seconds of the platform; 0: it is ready at once.", default=0, ge=0, le=86_400
    )
    failing_videos: tuple[str, ...] = told(
        "Videos whose title or file name contains one of these fail while they are processed.", default=()
    )

    def fails(self, *names: str | None) -> bool:
        """Say whether a video of those names fails."""
        return any(part and name and part in name for part in self.failing_videos for name in names)
