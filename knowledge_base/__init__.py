"""What is known: documents, their chunks, the index over them, and the proof that an answer stands on them."""
