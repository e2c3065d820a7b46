"""The dashboard's charts: what each shows, in numbers that the page draws, and that a table can say as well."""
