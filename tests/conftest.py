"""What all tests share: `support.parts` brings the marker `needs`, `pytester` runs pytest inside a test."""

pytest_plugins = ["pytester", "support.parts"]
