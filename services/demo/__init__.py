"""`tranche demo`: the whole product on this machine, fed with a recording or a simulation, and shown."""
