"""What the steps of a pipeline do, as far as their names say."""


def is_loading(step: str) -> bool:
    """Tell the steps of a pipeline that read files, whatever scope they are from."""
    return step.rpartition('.')[2].startswith(('Load', 'InferencerLoader'))
