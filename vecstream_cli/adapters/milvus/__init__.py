"""Milvus, a server or Milvus Lite."""
