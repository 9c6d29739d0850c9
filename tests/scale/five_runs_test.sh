#!/bin/bash
# A short soak: five runs of 10,000 connections in a row against each server.
exec /usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/../soak/hundred_runs_test.py" 5
