"""The gravity wave drag schemes of the IFS and their symmetries."""
