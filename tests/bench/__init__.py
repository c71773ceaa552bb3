"""`make bench`: how fast, how late and at what cost the release engine sends, beside the machine's limit.

python -m tests.bench --quick        # about a minute: the two ratios
python -m tests.bench                # everything; see `--help` to choose parts
"""
