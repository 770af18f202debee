"""Floor 2: a file becomes blocks of text with positions. One file a format; `registry` opens."""
