"""The built-in sample: portraits of invented people, drawn and packed as the real archive is."""
