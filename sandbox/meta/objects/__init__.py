"""Campaigns, ad sets, ads and creatives: made, changed, copied, reviewed, labelled, read."""
