"""What the levels do beyond watching: level 1 is here; level 2 is the exact compiler, in a package of its own."""
