"""What the pages show: results as one table, Tables 2 to 4, figures, page elements."""
