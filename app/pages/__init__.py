"""The HTML pages: handlers, templates, and the texts in Russian and English."""
