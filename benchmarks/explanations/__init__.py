"""Are explanations true? Without the lines that they name, nothing should be told; without others, all of it."""
