"""What people and scripts get: the CSV, the HTML report with overlays, the run record."""
