"""How far this machine goes: the parts of scripts/million, scripts/threads and scripts/growth."""
