"""Who speaks and who is spoken to: tokens, pages, pixels, audiences, events, studies, webhooks."""
