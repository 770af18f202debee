"""Elasticsearch and OpenSearch, and what the two have in common."""
