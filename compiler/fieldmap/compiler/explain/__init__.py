"""Explaining a value: from the canonical row back to its bytes in the archive, recomputed on the way by the interpreter."""

from fieldmap.compiler.explain.explanation import Candidate, Explanation, Step, Withdrawal
from fieldmap.compiler.explain.trail import explain

__all__ = ["Candidate", "Explanation", "Step", "Withdrawal", "explain"]
