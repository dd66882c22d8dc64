"""What `stakazo doctor` checks, one file per kind of thing; each finding says what to do. Looks only, mends nothing."""

from workers.doctor.examination import CHECKS, examine
from workers.doctor.findings import Finding, Grade
from workers.doctor.living import examine_live

__all__ = ["CHECKS", "Finding", "Grade", "examine", "examine_live"]
