"""What a transformer looks at, and what its features tell apart."""
