"""Runs beside sentence-transformers: how near stored vectors are to those of `encode`.

Reads JSON lists of [text, vector] by contender on standard input, and prints the smallest cosine
of each.
"""

import json
import sys

import numpy as np
from sentence_transformers import SentenceTransformer

samples = json.load(sys.stdin)
model = SentenceTransformer(sys.argv[1], device="cpu")
smallest = {}
for name, pairs in samples.items():
    stored = np.array([vector for _, vector in pairs])
    stored /= np.linalg.norm(stored, axis=1, keepdims=True)
    expected = model.encode([text for text, _ in pairs], normalize_embeddings=True)
    smallest[name] = float((stored * expected).sum(axis=1).min())
print(json.dumps(smallest))
