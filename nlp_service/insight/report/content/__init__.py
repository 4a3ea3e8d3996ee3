"""What a report says, section by section, in no format yet."""
