"""The private API: lookups for ad servers, segments for marketers, status for operators."""
