"""``python -m mobilehumanpose`` is the command ``mhp``."""

from .cli import main

main()
