"""Bytes to values, or an error that says why not. Nothing here writes, decides or reaches outside its arguments."""
