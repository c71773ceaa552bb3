"""The far side, one file a network. A pure leaf: see `docs/adapters.md`."""
