"""torchrun for _launch.sh: mmseg_vitseg/cli/launch.py."""

if __name__ == '__main__':  # not in a loader's workers, which have another sys.path
    from _door import enter

    enter('launch')
