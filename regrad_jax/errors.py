"""The one exception that means: the input is wrong, and here is how to mend it."""


class UserError(Exception):
    """Bad input or misuse. The message is one line that says what, where and how to mend it.

    The command line prints it on stderr and exits with status 2; in Python it is raised as is.
    """
