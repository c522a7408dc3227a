"""Reads a Kickserv account: employees, customers, contacts, jobs and notes."""
