"""The pages' entry: navigation, nothing else. Started by `opsdesk ui`."""

from opsdesk.pages import frame

frame.run()
