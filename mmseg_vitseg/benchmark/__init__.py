"""Measuring models side by side: latency, throughput, peak memory, FLOPs, parameters, and whether results are equal.

``measuring`` takes ``variants`` (a config's model, its ``host_twin`` or ``huggingface_twin``) and gives ``rows``, which
``tables`` writes. Each gets ``random_weights`` and one face (``segmentors``), and runs in ``steps``: ``memory`` is their
peak, ``timing`` their time in turn; ``flops`` are counted, ``differences`` of results found. ``suite`` is what we publish.

``counting`` is for where there is no GPU: what one would be asked to do, in the same rows.
"""
