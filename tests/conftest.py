"""What all tests share."""

from hypothesis import settings

# A slow machine is no failure: the laws are checked, not the time that it takes.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
