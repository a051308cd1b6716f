"""The heat map: how many open risks have each likelihood and consequence, of a programme or of all."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

from risks.models import CONSEQUENCES, LIKELIHOODS, ScoreBand
from risks.models.questions import RiskQuerySet

#: Fill of a cell, from the mildest band to the worst. Ink has at least 7:1 on each of them.
FILLS = ("#CFEEDA", "#FFF2CC", "#FFCF86", "#F6A89E")
#: Columns of a risk that say where it stands on the map.
PLACE = ("likelihood_now", "consequence_now")
#: Of the picture, in the units of its view box.
LEFT, TOP, WIDTH, HEIGHT = 130, 56, 112, 62


@dataclass
class Cell:
    """One square of the map."""

    likelihood: int
    consequence: int
    #: What a score here is called; empty where no band has it.
    band: str
    fill: str
    #: Keys of the risks in it.
    risks: list[str] = field(default_factory=list)

    @property
    def likelihood_word(self) -> str:
        return LIKELIHOODS[self.likelihood]

    @property
    def consequence_word(self) -> str:
        return CONSEQUENCES[self.consequence]

    @property
    def count(self) -> int:
        return len(self.risks)

    @property
    def row_label(self) -> str:
        return f"{self.likelihood} {self.likelihood_word.replace('_', ' ')}"

    @property
    def x(self) -> int:
        return LEFT + (self.consequence - 1) * WIDTH

    @property
    def y(self) -> int:
        return TOP + (5 - self.likelihood) * HEIGHT

    @property
    def score(self) -> int:
        return self.likelihood * self.consequence


@dataclass
class HeatMap:
    """Cells from the worst likelihood down, each row from the mildest consequence up."""

    cells: list[Cell]
    #: Keys of the open risks that nobody has scored.
    unscored: list[str]
    #: What is wrong with the bands, in sentences.
    mistakes: list[str]

    @property
    def scored(self) -> int:
        return sum(cell.count for cell in self.cells)

    @property
    def words(self) -> str:
        """The map in a sentence, for those who do not see it."""
        counts: Counter[str] = Counter()
        for cell in sorted(self.cells, key=lambda cell: -cell.score):
            if cell.risks:
                counts[cell.band.lower() or "in no band"] += cell.count
        said = ", ".join(f"{number} {name}" for name, number in counts.items()) or "none"
        return f"Open risks with a score: {said}. Without a score: {len(self.unscored)}."


def heat_map_of(risks: RiskQuerySet, today: dt.date) -> HeatMap:
    """The map of these risks as they were scored by that day. What is closed is left out."""
    bands = ScoreBand.objects.order_by("low", "id")
    cells = {(cell.likelihood, cell.consequence): cell for cell in _empty(list(bands))}
    unscored = []
    for key, likelihood, consequence in risks.unresolved().with_place(today).order_by("pk").values_list("key", *PLACE):
        if likelihood is None:
            unscored.append(key)
        else:
            cells[likelihood, consequence].risks.append(key)
    return HeatMap(list(cells.values()), unscored, bands.mistakes())


def _empty(bands: list[ScoreBand]) -> list[Cell]:
    """The cells without risks, each with its band: of several the worst, as everywhere."""
    cells = []
    for likelihood in sorted(LIKELIHOODS, reverse=True):
        for consequence in sorted(CONSEQUENCES):
            score = likelihood * consequence
            holding = [place for place, band in enumerate(bands) if band.low <= score <= band.high]
            name = bands[holding[-1]].name if holding else ""
            fill = FILLS[round(holding[-1] * (len(FILLS) - 1) / max(len(bands) - 1, 1))] if holding else "#FFFFFF"
            cells.append(Cell(likelihood, consequence, name, fill))
    return cells
