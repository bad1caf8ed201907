"""Exceptions whose message is one line that says what, where and how to mend it."""


class UserError(Exception):
    """Bad input or misuse. The command line prints it on stderr and exits with status 2."""


class RunError(Exception):
    """Work that failed although its input was right. The command line exits with status 1."""
