"""``mmseg-vitseg cache_features`` in a clone: mmseg_vitseg/cli/cache_features.py."""

if __name__ == '__main__':  # not in a loader's workers, which have another sys.path
    from _door import enter

    enter('cache_features')
