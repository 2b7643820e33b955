"""What a report says: results in, pages of plain data out. No drawing here."""
