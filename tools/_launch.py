"""torchrun for _launch.sh: mmseg_vitseg/cli/launch.py."""

from _door import enter

if __name__ == '__main__':
    enter('launch')
