"""The embedded stack: everything that `tranche up` starts on one machine, as child processes."""
