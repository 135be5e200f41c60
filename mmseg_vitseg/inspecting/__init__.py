"""What a transformer looks at, and what its features tell apart.

``looking`` asks one layer about a picture: ``layers`` sends the picture through the backbone, ``attention`` computes weights
and rollout, ``features`` makes colours of features; ``figure`` draws the answer.
"""
