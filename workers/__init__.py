"""Where it runs: the Celery app, queues, the task base class, settings and the composition root. No business rules."""
