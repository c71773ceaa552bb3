"""The admin panel of people and brands, and of what the gate reads: expertise, policy, decisions.

Everything here calls the verbs beside it, as the person who is signed in. Nothing sets a password.
"""

from approvals.admin import brands, decisions, expertise, people, standing, stock

__all__ = ["brands", "decisions", "expertise", "people", "standing", "stock"]
