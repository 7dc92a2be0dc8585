"""The only room that knows River, and what it takes to make its estimators fit to live for years.

`catalogue` says which there are and what may be set of them, `plain` turns one into data and back, `clusterers`,
`classifiers` and `detectors` give each kind one face. Features are known by their position, as River's dictionaries
want a key.
"""
