"""The parent of several clients that put one load on a server: the parts of scripts/fleet."""
