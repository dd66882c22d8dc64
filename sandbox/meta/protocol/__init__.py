"""How Meta is spoken: requests taken apart, fields, filters, paging, errors, what differs between versions."""
