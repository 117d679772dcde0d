#!/usr/bin/env bash
# Killed and resumed: a few kills of scripts/kill_resume.sh.
exec bash "$(dirname "$0")/../../scripts/kill_resume.sh" "$1" "${NCA_KILLS:-8}"
