"""Files, programs and time as the operating system gives them."""
