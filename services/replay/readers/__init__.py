"""The formats that can be replayed, by name: a new one is a module here, a line in this table and in the CLI's help."""

from services.replay.reader import Reader
from services.replay.readers import (
    cdnow,
    globo_news,
    ipinyou,
    online_retail,
    rees46,
    retailrocket,
    tranche,
    webtrack,
    yoochoose,
    zozo,
)


def readers() -> dict[str, Reader]:
    """Every reader by the name that `--format` takes."""
    return {
        "globo_news": globo_news.read,
        "rees46": rees46.read,
        "retailrocket": retailrocket.read,
        "yoochoose": yoochoose.read,
        "online_retail": online_retail.read,
        "cdnow": cdnow.read,
        "ipinyou": ipinyou.read,
        "webtrack": webtrack.read,
        "zozo": zozo.read,
        "tranche": tranche.read,
    }
