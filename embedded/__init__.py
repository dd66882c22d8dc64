"""Local servers from wheels and the process supervisor for one machine. Plain values in; nothing of ads in here."""
