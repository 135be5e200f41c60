"""The phases of ``benchmarks/on_gpu.py``: what has to be known about a GPU, most valuable first.

``session`` is what a phase writes its rows to and times with, ``limits`` ends what takes too long, ``markdown`` shows rows.
A phase is a function ``run`` of a module: ``env``, ``tests``, ``parts``, ``against_host`` (train and predict), ``dino``,
``launches``, ``compiled`` and ``e2e``. A newcomer reads ``against_host`` first.
"""
