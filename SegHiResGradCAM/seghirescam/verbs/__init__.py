"""What is typed in Python and in notebooks: any network, array or file; results that show themselves."""
