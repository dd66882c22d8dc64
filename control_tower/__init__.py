"""Who is well and who may run: planning of slots, desired state, ringing. Celery stays behind the ports."""
