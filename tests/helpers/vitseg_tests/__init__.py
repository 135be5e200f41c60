"""What tests of several files import. What must be made or cleared away for a test is a fixture in a conftest.py."""
