"""Laws made of laws."""
