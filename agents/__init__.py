"""Who works: four CrewAI agents and the flow that they work in.

CrewAI reads its environment when it is first imported: it would look up its telemetry host, ask a
question on a terminal and load `.env` into the process. So importing this package, which always comes
before CrewAI, tells it not to. Nothing else in the house imports CrewAI.
"""

from __future__ import annotations

import os

os.environ.update(
    CREWAI_DISABLE_TELEMETRY="true",
    CREWAI_TRACING_ENABLED="false",
    CREWAI_DISABLE_VERSION_CHECK="true",
    PYTHON_DOTENV_DISABLED="true",
)


def without_panels() -> None:
    """Keeps CrewAI from drawing a panel on the terminal for every event and error, among what programs read."""
    from crewai.events.event_listener import event_listener

    event_listener.formatter.verbose = False
