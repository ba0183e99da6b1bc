"""Folders that Hugging Face's ``transformers`` wrote: networks that segment pictures."""
