"""Checkpoints: read without executing anything, and loaded whole or not at all.

The journey of a file, step by step; each is a file here, with those that serve it in brackets:

1. fetch: a name becomes a local file.
2. reading (file_kinds, sharded): what is in it.
3. containers: the dict of weights in that.
4. prefixes: what wrappers put before a model's names comes off.
5. sources (maps, names): whose names these are, and ours in their place.
6. fitting (sizes, which_model): positions, patches and channels as the module has them; what it does not use is dropped.
7. accounting (values, advice): every key of the file and of the module is accounted for, and every value is a number.
8. loading: into a module; load_from: by mmengine's Runner.
"""
