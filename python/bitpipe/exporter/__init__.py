"""The parts of bitpipe.export: where a module comes from, what it does in
training, its graph, and the checks of what was written."""
