"""The mapping as a workbook: for people who decide about fields and never open a YAML file.

``plan`` writes it, a person fills in the cells that are open, ``plan --import`` takes it back.
The YAML documents stay the truth: an entry in the workbook is an edit of a document.
"""
