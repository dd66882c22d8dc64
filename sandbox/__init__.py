"""An ad platform on loopback: a market with a hidden truth, spoken to over HTTP in a real platform's dialect."""
