"""Models: groups and scores that are learned instead of written. Here is all that others need to use one.

What a marketer writes (`definition`), how a profile becomes numbers (`features`, `scaling`), what one of them looks
like when it travels (`samples`), what a trained model is (`snapshots`), and what it says of a user (`prediction`). How
one is trained is in the room beside, `training`.

The law: what a model says of a user is a function of the profile, the moment, the definition and the snapshot alone.
"""
