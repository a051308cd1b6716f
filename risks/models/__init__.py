"""Risks, issues, challenges and dependencies; how bad they are, and what is done about them."""

from risks.models.risks import Risk
from risks.models.scoring import CONSEQUENCES, LIKELIHOODS, Appetite, Score, ScoreBand
from risks.models.treatment import Control, Mitigation, Review

__all__ = [
    "CONSEQUENCES",
    "LIKELIHOODS",
    "Appetite",
    "Control",
    "Mitigation",
    "Review",
    "Risk",
    "Score",
    "ScoreBand",
]
