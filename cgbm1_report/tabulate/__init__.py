"""What an output is: table, figure, the data it may see, how it is declared."""
