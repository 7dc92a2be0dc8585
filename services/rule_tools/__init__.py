"""Tools for those who write rules: check a file of segments, try a rule on recorded events. They serve nothing."""
