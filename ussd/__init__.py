"""The menu on a feature phone: a tree as data, an engine without side effects, journeys in Redis."""
