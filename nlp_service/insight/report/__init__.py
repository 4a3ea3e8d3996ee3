"""A `Mining` as a report for people: Markdown, HTML, DOCX and JSON, in Chinese or English.

`writing.write_report` is the way in. What is said (`content/`) is built once as a `document.Document`; how it looks is
up to one renderer a format, so that all of them say the same.
"""
