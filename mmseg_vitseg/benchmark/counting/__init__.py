"""Counting what a CUDA device would be asked to do in a step, without one: launches, waits, bytes.

The step runs on the meta device, which computes nothing: ``steps`` runs it, ``counter`` sees every call that reaches the
device, ``costs`` says what it is there, ``parts`` whether it belongs to loss or labels. What the meta device does in
another way than CUDA, ``stand_ins`` does in CUDA's.
"""
