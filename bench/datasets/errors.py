"""What can be wrong with a data set.

DatasetError
"""


class DatasetError(Exception):
    """A file that can not be used as outcomes; the message names the file and the remedy."""
