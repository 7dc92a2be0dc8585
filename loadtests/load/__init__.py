"""Load tests for operators: an open-loop generator, a judge and a report. `loadtests/README.md` teaches them."""
