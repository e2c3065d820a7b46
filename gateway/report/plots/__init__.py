"""The plots of the HTML report: matplotlib figures as inline SVG whose colours are the page's own CSS variables."""
