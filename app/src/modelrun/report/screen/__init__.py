"""Pages in a browser: charts that answer the pointer, pictures for readers without scripts."""
