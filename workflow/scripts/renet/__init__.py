"""What the rule scripts share: one module for each role, from archive bytes to report pages."""
