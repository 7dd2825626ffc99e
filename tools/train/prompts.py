"""prompts.py - the 24 prompts of the contact sheets; batches/examples/scenes.txt holds the same."""

import os

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "batches", "examples", "scenes.txt")


def sheet_prompts():
    with open(EXAMPLES, encoding="utf-8") as f:
        return [p.strip() for p in f if p.strip()]
