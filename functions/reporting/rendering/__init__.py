"""Files from a table: CSV, XLSX and PDF. Pure: Parquet in, files out; no network, no clock."""
