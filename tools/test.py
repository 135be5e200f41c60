"""``mmseg-vitseg test`` in a clone: mmseg_vitseg/cli/test.py."""

if __name__ == '__main__':  # not in a loader's workers, which have another sys.path
    from _door import enter

    enter('test')
