"""The errors that a user of this package can cause.

Every message names the file, the field and the value, and says what would be right; the command
line prints it as one line and exits, with no traceback.
"""

from __future__ import annotations


class UserError(ValueError):
    """Something outside the program is wrong: a file, a value, an option."""
