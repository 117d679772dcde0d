#!/usr/bin/env bash
# Other programs read what nca writes for them; skipped where they are not installed.
exec scripts/check_exports.sh --installed "$1"
