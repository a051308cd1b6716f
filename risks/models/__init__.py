"""Risks, issues, challenges and dependencies; how bad they are, and what is done about them."""

from risks.models.risks import Risk
from risks.models.scoring import CONSEQUENCES, LIKELIHOODS, RiskAppetite, Score, ScoreBand
from risks.models.treatment import Control, Mitigation, Review

__all__ = [
    "CONSEQUENCES",
    "LIKELIHOODS",
    "Control",
    "Mitigation",
    "Review",
    "Risk",
    "RiskAppetite",
    "Score",
    "ScoreBand",
]
