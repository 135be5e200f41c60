"""``mmseg-vitseg report`` in a clone: mmseg_vitseg/cli/report.py."""

from _door import enter

if __name__ == '__main__':
    enter('report')
