"""What is told of clusters that were found: `facts`, with what sets each apart (`traits`) and a readable name.

A name is made in four steps: a feature's term says something of people (`sayings`, `conditions`, in words of `roles`
and `wording`), what is true and strong enough becomes a claim (`claims`), and claims are put together (`names`).
The law: nothing that is told decides who is in a cluster.
"""
