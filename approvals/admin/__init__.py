"""The admin panel of people and brands, and of what the gate reads: expertise, policy, decisions.

Everything here calls the verbs of `inviting.py` and `running.py`. Nothing sets a password.
"""

from approvals.admin import brands, people, standing

__all__ = ["brands", "people", "standing"]
