"""Readers turn files into domains; pandas and pyarrow stop here."""
