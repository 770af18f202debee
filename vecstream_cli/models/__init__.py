"""Floor 2: token ids to vectors."""

# What PyTorch knows of tensors without data, a quarter of its import. It is for compilers, and for
# transformers while it makes a model; a process may `put_off` it until one of them is imported.
META = "torch._meta_registrations"
