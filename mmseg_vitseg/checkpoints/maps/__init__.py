"""One literal map a source: that project's names and ours."""
