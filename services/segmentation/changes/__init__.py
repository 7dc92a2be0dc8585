"""What is told of users (`change.py`, `teller.py`): who entered or left which segment, when and why; what consumers
have heard already of a time that Redis has lost (`told.py`); and how that is found in the changes log (`hearing.py`).
"""

from services.segmentation.changes.change import Cause, Change, Kind, Place, Who, change_id
from services.segmentation.changes.hearing import Hearing, Lost, Mark, Spoken
from services.segmentation.changes.teller import Teller, Terms
from services.segmentation.changes.told import Ahead, Heard, Told

__all__ = [
    "Ahead",
    "Cause",
    "Change",
    "Heard",
    "Hearing",
    "Kind",
    "Lost",
    "Mark",
    "Place",
    "Spoken",
    "Teller",
    "Terms",
    "Told",
    "Who",
    "change_id",
]
