"""Reading the files of a data cut, one module per format; each gives a `RawTable`."""
