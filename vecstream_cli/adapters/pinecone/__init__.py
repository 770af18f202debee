"""Pinecone, serverless."""
