"""What `stakazo doctor` checks, one file per kind of thing; each finding says what to do. Looks only, mends nothing."""

from workers.doctor.examination import CHECKS, examine
from workers.doctor.findings import Finding, Grade

__all__ = ["CHECKS", "Finding", "Grade", "examine"]
