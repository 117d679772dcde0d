#!/usr/bin/env bash
# The PyTorch module of docs/ continues rollouts of this program; skipped where PyTorch is not
# installed.
exec scripts/check_torch.sh --installed "$1"
