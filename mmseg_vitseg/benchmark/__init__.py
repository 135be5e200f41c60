"""Measuring models side by side: latency, throughput, peak memory, FLOPs, parameters, and whether results are equal."""
