"""What the test programs share: running commands under measurement, reporting, text cases."""
