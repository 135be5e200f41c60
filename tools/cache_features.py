"""``mmseg-vitseg cache_features`` in a clone: mmseg_vitseg/cli/cache_features.py."""

from _door import enter

if __name__ == '__main__':
    enter('cache_features')
